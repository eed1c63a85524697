"""`shikyu page`: a page to try, watch and correct by."""

import click

from consumer.commands.reading import METRICS
from consumer.commands.writing import WRITER
from consumer.errors import SettingsError
from consumer.settings_flags import SettingsCommand, settings_flags
from consumer.settings_sources import Resolved
from consumer.stop import on_signals


@click.command(cls=SettingsCommand)
@METRICS
@click.option(
    "--since", default="1d", show_default=True, metavar="DURATION", help="How far back the promise is looked at."
)
@WRITER
@settings_flags()
def page(resolved: Resolved, urls: tuple[str, ...], since: str, writer: str) -> None:
    """
    Serve a page to try a text, watch the stream live, correct answers, and see how the promise stands.

    It writes the address by which it opens, once, and is served to this machine alone unless page.host says otherwise.
    Who has that address may read customers' texts and write corrections. It joins no group and commits nothing. Ctrl-C
    or SIGTERM ends it.

    It needs the page extra: pip install '.[page]'.

    \b
    shikyu page --config shikyu.toml
    shikyu page --config shikyu.toml --no-page-include-text --page-port 8080
    """
    try:
        import jinja2  # noqa: F401 - asked for before anything is read
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise SettingsError(f"`shikyu page` needs {error.name}: pip install '.[page]'") from error
    from consumer import logs
    from consumer.live_page import app, serve
    from consumer.live_page.corrections import corrector
    from consumer.live_page.following import Following
    from consumer.live_page.keys import Keys
    from consumer.live_page.standing import Standing, reader
    from consumer.replay.window import duration
    from consumer.watching.observer import Observer, addresses
    from consumer.watching.tail import Tail

    settings = resolved.settings
    logs.configure(settings.log)
    back, tail = duration("--since", since), Tail(settings)
    observer = Observer(settings, addresses(settings, urls), tail)
    Keys.of(settings.page.host, settings.page.port, settings.page.url)  # what is wrong is told before a model is loaded
    classifier = None if settings.model.artifact is None else Following(settings)
    with on_signals() as stop, serve.bound(settings.page) as listening:
        serve.warn_of_plain(settings.page)
        port = listening.getsockname()[1]
        keys = Keys.of(settings.page.host, port, settings.page.url, settings.page.token)
        with tail, Standing(reader(settings, back), back) as standing:
            parts = app.Parts(
                keys, tail, observer, standing, corrector(settings, writer), classifier,
                settings.page.include_text, stop,
            )  # fmt: skip
            address = serve.address(settings.page, listening, keys)
            serve.serve(app.application(parts), listening, stop, lambda: click.echo(f"the page: {address}"))
