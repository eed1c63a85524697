"""`shikyu`: its sub-commands, imported only when they are called, and the last words of every error."""

import errno
import importlib
import signal
import sys
from collections.abc import Iterable, Sequence

import click
from click.exceptions import NoSuchCommand
from click.shell_completion import CompletionItem

from consumer import standard_streams
from consumer.errors import ShikyuError, SurroundingsError
from consumer.version import version as installed

BUG, USAGE, INTERRUPTED, UNREAD = 1, 2, 128 + signal.SIGINT, 128 + signal.SIGPIPE

# Each is consumer/commands/NAME.py's command of the same name, but `version`, which stands here.
SUB_COMMANDS = {
    "run": "Read customer messages, publish each to urgent or routine.",
    "replay": "Read a part of the past again, beside the live stream, and publish its answers.",
    "backfill": "Answer what stands in files, for what Kafka no longer holds.",
    "dead-letters": "List, show and retry what could not be answered.",
    "flips": "Compare a replay's answers with those given live, or with another replay's.",
    "correct": "Say what a decision should have been.",
    "corrections": "List what people say decisions should have been, and make a data set of it.",
    "recall": "Estimate live recall from what was marked for review, beside the promise.",
    "report": "Write one page for the head of support.",
    "drift": "Hold live answers against what the model was measured on, without labels.",
    "page": "Serve a page to try, watch and correct by.",
    "top": "Watch the stream in a terminal.",
    "classify": "Answer texts from arguments, standard input or a file, without Kafka.",
    "doctor": "Check all that stands between here and a classified message.",
    "config": "Show, lint, document or try the settings.",
    "models": "Name the version of the model to serve, and go back to the one before.",
    "topics": "Create the topics that are missing.",
    "schemas": "Register the events' schemas, and say what is incompatible.",
    "docs": "Print a page of the documentation, which errors name.",
    "completion": "Print what completes commands and flags in bash, zsh or fish.",
    "version": "Say which shikyu this is.",
}


# Their words hold the value of their own flag or argument at most. Any other error's could hold a password that a
# blank parted from its flag.
TOLD_AS_THEY_ARE = (click.BadParameter, click.BadOptionUsage, click.FileError)


class LazyGroup(click.Group):
    """Knows its commands' names and summaries without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(SUB_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in SUB_COMMANDS or cmd_name in self.commands:
            return super().get_command(ctx, cmd_name)
        name = cmd_name.replace("-", "_")
        command = getattr(importlib.import_module(f"consumer.commands.{name}"), name)
        assert isinstance(command, click.Command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """As click's own, which would import every command for its summary."""
        found = [CompletionItem(name, help=told) for name, told in SUB_COMMANDS.items() if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(SUB_COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(installed(), message="%(prog)s %(version)s")
def shikyu() -> None:
    """
    Reads customer messages from Kafka, tells the urgent from the routine, and publishes each exactly once.

    \b
    Try a model:          shikyu classify --model-artifact my-model "Where is my refund?!"
    See what it'd read:   shikyu config test --from-topic 5 --kafka bootstrap.servers=broker:9092
    Check the settings:   shikyu config lint --config shikyu.toml
    Check everything:     shikyu doctor --config shikyu.toml
    Run:                  shikyu run --config shikyu.toml

    \b
    Each setting is a flag (--http-port 9464), a variable (SHIKYU_HTTP_PORT=9464) and a line in a TOML
    file ([http] port = 9464). Flags beat the environment, the environment beats the file, which is
    --config, or SHIKYU_CONFIG, or ./shikyu.toml where there is one. librdkafka's own options pass through:
    --kafka NAME=VALUE, SHIKYU_KAFKA_NAME, [kafka].

    \b
    Exit codes: 0 done, 1 a bug, 2 the settings, 3 the surroundings (Kafka, the registry, a port, a disk),
    4 the model's artifact, 5 a limit not met.
    """


@shikyu.command()
def version() -> None:
    """
    Say which shikyu this is, and on what it stands.

    \b
    shikyu version
    """
    import platform

    import confluent_kafka

    click.echo(
        f"shikyu {installed()} (confluent-kafka {confluent_kafka.version()}, "
        f"librdkafka {confluent_kafka.libversion()[0]}, Python {platform.python_version()})"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The program. Returns its exit code."""
    return ended("shikyu", shikyu, arguments)


def ended(name: str, program: click.Command, arguments: Sequence[str] | None) -> int:
    """Runs the program called `name`, says in its name what went wrong, and returns the exit code."""
    standard_streams.reopen_closed()
    try:
        code = program.main(arguments, prog_name=name, standalone_mode=False)
        return code if isinstance(code, int) else 0
    except ShikyuError as error:
        from consumer.error_pages import page_of

        code = _told(name, str(error), error.exit_code)
        _last_words(f"{name}: see: shikyu docs {page_of(error)}")
        return code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return USAGE
    except click.ClickException as error:
        return _told(name, _usage(error), USAGE)
    except click.Abort:
        return INTERRUPTED
    except SystemExit as leaving:
        # So click leaves when nobody reads our output any more, and so does a program that SIGPIPE ends. With 0 it
        # does when it has told a shell what may come next.
        return UNREAD if leaving.code else 0
    except Exception as error:  # noqa: BLE001 - the last place that can say what a bug is
        return _unforeseen(name, error)
    finally:
        standard_streams.let_go()


def _told(name: str, message: str, code: int) -> int:
    for line in message.splitlines():
        _last_words(f"{name}: error: {line}")
    return code


def _last_words(line: str) -> None:
    # Where standard error is full, the exit code still says it.
    click.echo(line, file=standard_streams.lossy(sys.stderr))


def _unforeseen(name: str, error: Exception) -> int:
    # A file's write may fail as standard output's does, and names no file either: so ask standard output.
    if isinstance(error, OSError) and (refusal := standard_streams.refusal(sys.stdout)):
        message = f"standard output cannot be written ({refusal.strerror}): send it where there is room"
        return _told(name, message, SurroundingsError.exit_code)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        message = f"a disk is full ({error.strerror}): make room, or for temporary files name another TMPDIR"
        return _told(name, message, SurroundingsError.exit_code)
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        message = f"a file may not grow so large ({error.strerror}): raise the limit on it (ulimit -f)"
        return _told(name, message, SurroundingsError.exit_code)
    if isinstance(error, MemoryError):
        message = f"there is no memory for it ({error or 'the system gives no more'}): give the process more"
        return _told(name, message, SurroundingsError.exit_code)
    return _bug(name, error)


def _usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    hint = f" (see {context.command_path} --help)" if context is not None else ""
    if isinstance(error, click.NoSuchOption) and context is not None:
        known = [name for parameter in context.command.params for name in parameter.opts]
        return f"there is no flag {error.option_name}{_nearest(error.option_name, known)}{hint}"
    if isinstance(error, NoSuchCommand) and context is not None:
        known = context.command.list_commands(context)
        return f"there is no command {error.command_name!r}{_nearest(error.command_name, known)}{hint}"
    if isinstance(error, TOLD_AS_THEY_ARE):
        return error.format_message().replace("\n", " ") + hint
    return f"there is an argument too few, or an argument that is no flag, nor the value of one{hint}"


def _nearest(name: str, known: Iterable[str]) -> str:
    from consumer.names import nearest  # which loads the settings, and so pydantic

    return nearest(name, known)


def _bug(name: str, error: BaseException) -> int:
    """Says where, but neither the message nor the variables: both can hold a customer's text."""
    from consumer.logs import frames

    _last_words(f"{name}: This is a bug. Please report it with these lines: {type(error).__name__}")
    chain: BaseException | None = error
    while chain is not None:
        for frame in frames(chain):
            _last_words(f"  {frame}")
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)
        if chain is not None:
            _last_words(f"  after {type(chain).__name__}")
    return BUG


if __name__ == "__main__":
    sys.exit(main())
