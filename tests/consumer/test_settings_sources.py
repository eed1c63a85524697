from pathlib import Path

import pytest

from consumer.errors import SettingsError
from consumer.settings_sources import resolve, resolve_with_origins


def toml(folder: Path, text: str) -> Path:
    file = folder / "shikyu.toml"
    file.write_text(text, encoding="utf-8")
    return file


def refused(
    file: Path | None = None, environ: dict[str, str] | None = None, flags: dict[str, object] | None = None
) -> str:
    with pytest.raises(SettingsError) as caught:
        resolve(file, environ or {}, flags or {})
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_flags_beat_the_environment_which_beats_the_file(tmp_path: Path) -> None:
    """Each source overrides the one before it, and what came from where is kept."""
    file = toml(tmp_path, '[http]\nport = 1\nhost = "a"\n[log]\nlevel = "debug"\n')
    environ = {"SHIKYU_HTTP_PORT": "2", "SHIKYU_HTTP_HOST": "b"}

    resolved = resolve_with_origins(file, environ, {"http.port": "3"})

    assert (resolved.settings.http.port, resolved.settings.http.host) == (3, "b")
    assert resolved.settings.log.level == "debug"
    assert resolved.origin("http.port") == "--http-port"
    assert resolved.origin("http.host") == "SHIKYU_HTTP_HOST"
    assert resolved.origin("log.level") == str(file)
    assert resolved.origin("log.format") == "default"


def test_librdkafka_options_merge_one_by_one(tmp_path: Path) -> None:
    """An option from a flag leaves the file's other options as they are, dotted or quoted."""
    file = toml(tmp_path, '[kafka]\n"bootstrap.servers" = "a:1"\nssl.endpoint.identification.algorithm = "none"\n')

    settings = resolve(file, {"SHIKYU_KAFKA_PRODUCER_LINGER_MS": "7"}, {"kafka.options": ("bootstrap.servers=b:2",)})

    assert settings.kafka.options == {"bootstrap.servers": "b:2", "ssl.endpoint.identification.algorithm": "none"}
    assert settings.kafka.producer == {"linger.ms": "7"}


def test_underscores_spell_dots_underscores_and_dashes() -> None:
    """Variables of librdkafka's options are spelt as in Confluent's images."""
    settings = resolve(None, {"SHIKYU_KAFKA_LOG__LEVEL": "3", "SHIKYU_REGISTRY_OPTIONS_A___B": "c"}, {})

    assert settings.kafka.options["log_level"] == "3"
    assert settings.registry.options == {"a-b": "c"}


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """Names that are none, and the values of those that are."""
    file = toml(tmp_path, '[htp]\nport = 1\n[http]\nprt = 1\nport = "soon"\n[batching]\nlatency_target_s = "fast"\n')

    lines = refused(file).splitlines()

    told = ("[htp]", "[http] prt", "http.port", "batching.latency_target_s")
    assert all(any(name in line for line in lines) for name in told)
    assert len(lines) == len(told)
    assert "[http] prt" in refused(file, {"SHIKYU_HTTP_PRT": "1"})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[htp]\nport = 1\n", "did you mean http?"),
        ("[http]\nprot = 1\n", "did you mean port?"),
        ("[http]\nurgent = 1\n", "did you mean [output] urgent?"),
        ("[kafka]\nlinger.mss = 1\n", "did you mean linger.ms?"),
        ("[kafka.consumer]\nsesion.timeout.ms = 1\n", "did you mean session.timeout.ms?"),
    ],
)
def test_a_misspelt_name_in_the_file_names_the_nearest(tmp_path: Path, text: str, named: str) -> None:
    """Sections, settings and librdkafka's options alike."""
    assert named in refused(toml(tmp_path, text))


@pytest.mark.parametrize(
    ("variable", "named"),
    [
        ("SHIKYU_HTTP_PROT", "SHIKYU_HTTP_PORT"),
        ("SHIKYU_http_port", "SHIKYU_HTTP_PORT"),
        ("SHIKYU_KAFAK_BOOTSTRAP_SERVERS", "SHIKYU_KAFKA_BOOTSTRAP_SERVERS"),
        ("SHIKYU_CONFG", "SHIKYU_CONFIG"),
        ("SHIKYU_KAFKA_BOOTSTRAP_SERVER", "bootstrap.servers"),
    ],
)
def test_a_misspelt_variable_names_the_nearest(variable: str, named: str) -> None:
    """A variable that no setting has is an error, not a silent default."""
    assert f"did you mean {named}?" in refused(environ={variable: "1"})


def test_a_misspelt_path_among_the_flags_names_the_nearest() -> None:
    """The command line's own mapping is held to the same names."""
    assert "did you mean http.port?" in refused(flags={"http.prot": "1"})


def test_what_kubernetes_puts_into_a_pod_is_no_misspelling() -> None:
    """A Service called shikyu makes variables of our prefix in every pod beside it."""
    environ = {
        "SHIKYU_SERVICE_HOST": "10.0.0.1",
        "SHIKYU_SERVICE_PORT_METRICS": "9464",
        "SHIKYU_PORT": "tcp://10.0.0.1:9464",
        "SHIKYU_METRICS_PORT_9464_TCP_ADDR": "10.0.0.1",
    }

    assert resolve(None, environ, {}).http.port == 9464


@pytest.mark.parametrize(
    ("path", "value", "range_"),
    [
        ("http.port", "70000", "a whole number from 0 to 65,535"),
        ("http.port", "many", "a whole number from 0 to 65,535"),
        ("model.precision", "int4", "one of int8, fp32"),
        ("dead_letters.max_share", "0", "a number above 0 to 1"),
        ("batching.max_window_s", "nan", "a number from 0.05 to 600"),
        ("registry.url", "localhost", "a text that matches ^https?://"),
        ("input.topics", ["a b"], "is no topic name"),
        ("input.text", ["a.["], "is no JMESPath expression: it breaks off at character 4"),
        ("input.where", "size(text)", r"calls size() at character 1, which does not exist; there are abs"),
        ("input.topics", ["^a", "b"], "a pattern stands alone"),
    ],
)
def test_a_value_out_of_range_is_told_with_its_range_and_origin(path: str, value: object, range_: str) -> None:
    """The error says the setting, the value, what it takes and where it came from."""
    message = refused(flags={path: value})

    flag = "--" + path.replace(".", "-").replace("_", "-")
    shown = value[0] if isinstance(value, list) else value
    assert message.startswith(f"{path} (from {flag})")
    assert str(shown) in message
    assert range_ in message


def test_every_wrong_value_is_told_at_once() -> None:
    """One line for each, so that they are mended in one go."""
    assert len(refused(flags={"http.port": "x", "log.level": "loud"}).splitlines()) == 2


def test_a_secret_is_not_repeated_in_its_own_error(tmp_path: Path) -> None:
    """A wrong value of a secret setting is told without the value."""
    message = refused(toml(tmp_path, '[registry.options]\nbasic.auth.user.info = ["hunter2"]\n'))

    assert "hunter2" not in message
    assert "basic.auth.user.info" in message


@pytest.mark.parametrize(
    "option", ["enable.auto.commit=true", "transactional.id=x", "partitioner=random", "group.id=x"]
)
def test_an_option_that_would_break_the_promise_is_refused_with_its_reason(option: str) -> None:
    """What shikyu sets itself is nobody else's to set."""
    assert "is shikyu's own to set: " in refused(flags={"kafka.options": (option,)})


def test_a_pattern_that_would_read_its_own_outputs_is_refused() -> None:
    """`^customer-messages` matches the dead letters' topic as well, and would read them for ever."""
    assert "dead_letters.topic" in refused(flags={"input.topics": ["^customer-messages"]})
    resolve(None, {}, {"input.topics": ["^customer-messages$"]})


def test_an_output_topic_is_no_input_topic() -> None:
    """Reading what one writes would never end."""
    assert "for ever" in refused(flags={"input.topics": ["urgent"]})


def test_the_latency_target_fits_into_the_longest_window() -> None:
    """A target that no window may reach is a contradiction."""
    assert "batching.latency_target_s" in refused(flags={"batching.max_window_s": "0.5"})


def test_text_is_not_written_without_the_text() -> None:
    """The one format that is nothing but the text."""
    contradiction = {"output.format": "text", "output.include_text": "false"}

    assert "output.format = text writes the text, and output.include_text = false forbids it" in refused(
        flags=contradiction
    )


def test_an_address_without_a_scheme_keeps_its_password() -> None:
    """It is refused, and the refusal is printed and logged."""
    message = refused(environ={"SHIKYU_REGISTRY_URL": "user:s3cret@registry:8081"})

    assert "@registry:8081" in message
    assert "s3cret" not in message


def test_the_precision_is_the_artifacts_best_unless_set() -> None:
    """An artifact of fp32 alone must serve without a setting."""
    assert resolve(None, {}, {}).model.precision is None
    assert resolve(None, {"SHIKYU_MODEL_PRECISION": ""}, {}).model.precision is None
    assert resolve(None, {"SHIKYU_MODEL_PRECISION": "fp32"}, {}).model.precision == "fp32"


def test_lists_in_the_environment_are_separated_by_commas_or_json() -> None:
    """But an expression keeps its own commas."""
    assert resolve(None, {"SHIKYU_INPUT_TOPICS": "a, b"}, {}).input.topics == ("a", "b")
    assert resolve(None, {"SHIKYU_INPUT_TOPICS": '["a","b"]'}, {}).input.topics == ("a", "b")
    assert resolve(None, {"SHIKYU_OUTPUT_ATTRIBUTES": ""}, {}).output.attributes == ()
    assert resolve(None, {"SHIKYU_INPUT_TEXT": "join(', ', [a, b])"}, {}).input.text == ("join(', ', [a, b])",)
    assert resolve(None, {"SHIKYU_INPUT_TEXT": '["subject", "body"]'}, {}).input.text == ("subject", "body")


@pytest.mark.parametrize("variable", ["SHIKYU_INPUT_TOPICS", "SHIKYU_RULES_ALWAYS_URGENT"])
def test_a_list_too_deep_to_read_is_none(variable: str) -> None:
    """It is told like everything else that is no JSON."""
    assert variable in refused(environ={variable: "[" * 10_000})


@pytest.mark.parametrize(
    "given", ["sasl.password:hunter2", "sasl.password hunter2=", "sasl.password:hun=ter2", "=hunter2"]
)
@pytest.mark.parametrize("path", ["kafka.options", "kafka.producer", "registry.options", "rules.always_urgent"])
def test_of_a_malformed_option_nothing_is_shown(path: str, given: str) -> None:
    """What stands behind the wrong sign may be a password, and the error goes into a log."""
    message = refused(flags={path: (given,)})

    assert " takes NAME=VALUE, such as " in message
    assert "hun" not in message


def test_an_empty_variable_switches_an_optional_setting_off() -> None:
    """The environment has no null."""
    assert resolve(None, {"SHIKYU_INPUT_CHANNEL": ""}, {}).input.channel is None


def test_rules_come_from_every_source(tmp_path: Path) -> None:
    """Tables, a JSON object and NAME=EXPRESSION pairs add up."""
    file = toml(tmp_path, "[rules.always_urgent]\nlegal = \"contains(text, 'lawyer')\"\n")
    environ = {"SHIKYU_RULES_ALWAYS_URGENT": '{"gold": "plan == \'gold\'"}'}

    settings = resolve(file, environ, {"rules.always_urgent": ("fire=contains(text, 'fire')",)})

    assert list(settings.rules.always_urgent) == ["legal", "gold", "fire"]


def test_a_rule_is_named_so_that_it_can_be_a_metric_label() -> None:
    """Names are short and lower-case."""
    assert "has a name that is none" in refused(flags={"rules.always_urgent": ("Über=text",)})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[http", "is no TOML"),
        (b"\xff", "is not UTF-8"),
        (b"http = 1", "it is a section"),
        (b"[rules]\nalways_urgent=1", "a single value"),
        (b"[http]\nport = 1" + b"0" * 5000, "a number too long, or a list too deep"),
        (b"[http]\nport = 0x" + b"f" * 5000, "a number too long, or a list too deep"),
        (b"[input]\ntext = " + b"[" * 10_000, "a number too long, or a list too deep"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    """Every way in which a file is wrong has its sentence."""
    file = tmp_path / "shikyu.toml"
    file.write_bytes(content)

    assert told in refused(file)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A file that was named must be there."""
    assert "does not exist" in refused(tmp_path / "none.toml")
