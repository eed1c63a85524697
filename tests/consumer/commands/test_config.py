import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from consumer.cli import main
from consumer.commands.run import poll_limit_s
from consumer.settings import Batching, Settings
from consumer.settings_sources import resolve
from tests.service.process import TINY

Shikyu = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shikyu(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shikyu:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        return code, *capsys.readouterr()

    return call


def test_show_is_toml_that_gives_the_same_settings(shikyu: Shikyu, tmp_path: Path) -> None:
    """What is in effect can be written into a file and used."""
    given = ["--input-text", "a", "--input-text", "b", "--kafka", "linger.ms=7", "--no-output-include-text"]
    given += ["--rules-always-urgent", "legal=contains(text, 'lawyer')", "--output-attributes", ""]
    _, out, _ = shikyu("config", "show", *given)
    file = tmp_path / "shown.toml"
    file.write_text(out, encoding="utf-8")

    settings = resolve(file, {}, {})

    assert settings.input.text == ("a", "b")
    assert settings.kafka.options == {"bootstrap.servers": "localhost:9092", "linger.ms": "7"}
    assert settings.output.include_text is False
    assert settings.output.attributes == ()
    assert settings.rules.always_urgent == {"legal": "contains(text, 'lawyer')"}
    assert tomllib.loads(out)["http"]["port"] == 9464


def test_show_says_where_each_value_came_from(shikyu: Shikyu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """./shikyu.toml is read without being named."""
    (tmp_path / "shikyu.toml").write_text("[http]\nport = 1\n", encoding="utf-8")
    monkeypatch.setenv("SHIKYU_HTTP_HOST", "0.0.0.0")

    lines = shikyu("config", "show", "--log-level", "debug")[1].splitlines()

    section, origins = "", {}
    for line in lines:
        if line.startswith("["):
            section = line.strip("[]")
        elif " = " in line:
            origins[f"{section}.{line.split(' = ')[0]}"] = line.rsplit("# ", 1)[1]
    assert origins["http.port"] == "shikyu.toml"
    assert origins["http.host"] == "SHIKYU_HTTP_HOST"
    assert origins["log.level"] == "--log-level"
    assert origins["delivery.group_id"] == "default"


def test_the_file_may_be_named_by_a_variable(shikyu: Shikyu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SHIKYU_CONFIG, as containers like it; --config beats it."""
    for name, port in (("a.toml", 1), ("b.toml", 2)):
        (tmp_path / name).write_text(f"[http]\nport = {port}\n", encoding="utf-8")
    monkeypatch.setenv("SHIKYU_CONFIG", "a.toml")

    assert "port = 1 " in shikyu("config", "show")[1]
    assert "port = 2 " in shikyu("config", "show", "--config", "b.toml")[1]


SECRETS = {
    "SHIKYU_KAFKA_SASL_PASSWORD": ["--kafka", "sasl.password=hunter2"],
    "SHIKYU_REGISTRY_OPTIONS_BASIC_AUTH_USER_INFO": ["--registry-options", "basic.auth.user.info=me:hunter2"],
    "SHIKYU_REGISTRY_URL": ["--registry-url", "https://me:hunter2@registry"],
}


@pytest.mark.parametrize("variable", SECRETS)
def test_a_secret_is_no_flag(shikyu: Shikyu, variable: str) -> None:
    """Whoever may list processes would see it; told is where it belongs, and not what it is."""
    code, out, err = shikyu("config", "show", *SECRETS[variable])

    assert code == 2
    assert f"would show a secret to whoever may list processes: set {variable} in the environment" in err
    assert "hunter2" not in out + err


@pytest.mark.parametrize(
    "flags",
    [
        ["--rules-always-urgent", "password-reset=contains(text, 'password')"],
        ["--registry-options", "bearer.auth.scope=all"],
    ],
)
def test_what_only_looks_like_a_secret_may_be_a_flag(shikyu: Shikyu, flags: list[str]) -> None:
    """Rules and expressions are their users' own words."""
    code, out, _ = shikyu("config", "show", *flags)

    assert code == 0
    assert "[redacted]" not in out


def test_an_empty_key_does_not_switch_the_check_off(shikyu: Shikyu, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that nobody filled in."""
    monkeypatch.setenv("SHIKYU_MODEL_PUBLIC_KEY", "")

    assert 'public_key = "."' in shikyu("config", "show")[1]


def test_show_redacts_secrets(shikyu: Shikyu, monkeypatch: pytest.MonkeyPatch) -> None:
    """In options and in URLs."""
    for variable, (_, value) in SECRETS.items():
        monkeypatch.setenv(variable, value if "://" in value else value.partition("=")[2])

    _, out, _ = shikyu("config", "show")

    assert "hunter2" not in out
    assert out.count("[redacted]") == 3


def test_lint_accepts_what_is_right(shikyu: Shikyu) -> None:
    """Without a broker or a registry in reach."""
    assert shikyu("config", "lint", "--registry-url", "http://127.0.0.1:1") == (0, "the settings are right\n", "")


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--kafka-consumer", "fetch.wait.max.ms=soon"], "librdkafka refuses the consumer's options"),
        (["--input-where", "nope(text)"], "nope"),
        (["--input-text", "a.["], "is no JMESPath expression"),
        (["--rules-always-urgent", "legal=contains(text"], "rules.always_urgent's legal"),
        (["--input-reader-schema", "none.avsc"], "none.avsc"),
        (["--output-format", "text", "--no-output-include-text"], "output.include_text = false forbids it"),
        (["--kafka-producer", "acks=1"], "is shikyu's own to set"),
    ],
)
def test_lint_refuses_what_is_wrong(shikyu: Shikyu, flags: list[str], told: str) -> None:
    """Exit 2, before anything is connected to."""
    code, _, err = shikyu("config", "lint", "--registry-url", "http://127.0.0.1:1", *flags)

    assert code == 2
    assert told in err


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--model-artifact", "nowhere"], "nowhere (that is /"),
        (["--model-artifact", "a" * 300], "is no folder to be read"),
        (
            ["--model-artifact", str(TINY), "--model-precision", "int8-bf16"],
            "fp32, int8: set model.precision to one of",
        ),
    ],
)
def test_lint_refuses_a_model_that_would_not_be_served(shikyu: Shikyu, flags: list[str], told: str) -> None:
    """Exit 4, as of `run`."""
    code, _, err = shikyu("config", "lint", "--registry-url", "http://127.0.0.1:1", *flags)

    assert code == 4
    assert told in err


def test_lint_misses_the_registry_that_the_output_needs(shikyu: Shikyu) -> None:
    """As `run` does; the input's format has its own."""
    flags = ["--input-format", "json", "--output-format"]

    assert shikyu("config", "lint", *flags, "json")[0] == 0
    for written in ("avro", "json-schema"):
        code, _, err = shikyu("config", "lint", *flags, written)
        assert code == 2
        assert f"output.format = {written} needs a Schema Registry: set registry.url" in err


def test_docs_can_be_written_to_a_file(shikyu: Shikyu, tmp_path: Path) -> None:
    """The same page as on standard output."""
    _, out, _ = shikyu("config", "docs")

    assert shikyu("config", "docs", "--output", "page.md")[0] == 0
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == out
    code, _, err = shikyu("config", "docs", "--output", "none/page.md")
    assert (code, err) == (
        3,
        (
            "shikyu: error: none/page.md cannot be written (No such file or directory); name another by --output\n"
            "shikyu: see: shikyu docs configuration\n"
        ),
    )  # fmt: skip


def test_the_poll_loop_may_stand_still_for_a_long_window() -> None:
    """A probe must not kill a consumer that works through a backlog."""
    assert poll_limit_s(Settings()) == 60
    assert poll_limit_s(Settings(batching=Batching(max_window_s=600))) == 1230
