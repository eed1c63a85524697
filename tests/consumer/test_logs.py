import io
import json
import logging
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from confluent_kafka import Producer

from consumer import logs
from consumer.logs import configure, frames, kafka_logger
from consumer.settings import Log

CANARY = "canary-7f3a the customer's own words"


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def configured(**settings: Any) -> io.StringIO:
    stream = io.StringIO()
    configure(Log(**settings), stream)
    return stream


def test_logs_are_json_where_nobody_looks() -> None:
    """One object a line, with level and UTC time."""
    stream = configured()

    structlog.get_logger().info("rewound", partitions=["in/0"])

    (line,) = lines(stream)
    assert line["event"] == "rewound"
    assert line["level"] == "info"
    assert line["partitions"] == ["in/0"]
    assert line["timestamp"].endswith("Z")


def test_a_terminal_gets_something_to_read() -> None:
    """`console` is no JSON."""
    stream = configured(format="console")

    structlog.get_logger().warning("rewound", partition="in/0")

    assert "rewound" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_less_severe_events_are_left_out() -> None:
    """`level` is the least that is written."""
    stream = configured(level="warning")

    structlog.get_logger().info("rewound")
    structlog.get_logger().warning("waiting")

    assert [line["event"] for line in lines(stream)] == ["waiting"]


def test_secrets_are_redacted_at_every_depth() -> None:
    """By the names they are logged under, and in URLs."""
    stream = configured()

    options = {"sasl.password": "hunter2", "nested": {"basic.auth.user.info": "hunter2"}}
    structlog.get_logger().info("started", options=options, url="http://me:hunter2@host")

    assert "hunter2" not in stream.getvalue()


def raise_canary() -> None:
    text = CANARY
    raise ValueError(f"cannot decode {text}")


def test_an_exception_is_logged_without_its_message() -> None:
    """A library's message, or a variable, can carry what a customer wrote."""
    stream = configured()

    try:
        raise_canary()
    except ValueError:
        structlog.get_logger().exception("window-failed")

    (line,) = lines(stream)
    assert "canary" not in stream.getvalue().replace("raise_canary", "")
    assert line["exception"] == "ValueError"
    assert line["frames"][-1].endswith("raise_canary")


def test_frames_say_where_but_not_what() -> None:
    """For the last words of a bug."""
    with pytest.raises(ValueError, match="cannot decode") as caught:
        raise_canary()

    assert CANARY not in "".join(frames(caught.value))


def test_librdkafkas_log_becomes_ours() -> None:
    """A client with our logger writes nothing to standard error by itself."""
    stream = configured(level="debug")

    producer = Producer({"bootstrap.servers": "127.0.0.1:1", "debug": "conf"}, logger=kafka_logger())
    producer.poll(0.2)

    assert {line["event"] for line in lines(stream)} == {"librdkafka"}
    assert all(line["logger"] == "librdkafka" for line in lines(stream))


def test_a_line_that_comes_again_and_again_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """With how often it came; attempts to connect differ by their time alone, and another broker's are another line."""
    now = 0.0
    monkeypatch.setattr(logs, "time", SimpleNamespace(monotonic=lambda: now))
    stream = io.StringIO()
    configure(Log(format="json"), stream)
    logger = kafka_logger()
    for attempt in range(100):
        logger.error("Connect to a:9092 failed: Connection refused (after %dms in state CONNECT)", attempt)
    logger.error("Connect to b:9092 failed: Connection refused (after 1ms in state CONNECT)")
    now = logs.REPEATED_S
    logger.error("Connect to a:9092 failed: Connection refused (after 3ms in state CONNECT)")

    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [each["message"][11:17] for each in told] == ["a:9092", "b:9092", "a:9092"]
    assert [each.get("repeated") for each in told] == [None, None, 99]


def test_libraries_warnings_are_forwarded() -> None:
    """What uses the standard library's logging ends up in the same place."""
    stream = configured()

    logging.getLogger("httpx").info("a request")
    logging.getLogger("httpx").warning("a retry")

    assert [(line["event"], line["logger"], line["message"]) for line in lines(stream)] == [
        ("library", "httpx", "a retry")
    ]


class FullDisk(io.StringIO):
    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("closed", [False, True])
def test_a_log_that_cannot_be_written_stops_nothing(closed: bool) -> None:
    """The disk that it goes to is full, or its reader has left: lines are lost, and messages are not."""
    stream = FullDisk()
    configure(Log(), stream)
    if closed:
        stream.close()

    structlog.get_logger().info("rewound")
    logging.getLogger("httpx").warning("a retry")


def test_standard_output_is_left_to_results(capsys: pytest.CaptureFixture[str]) -> None:
    """Logs go to standard error."""
    configure(Log(), sys.stderr)
    structlog.get_logger().info("rewound")

    out, err = capsys.readouterr()
    assert out == ""
    assert "rewound" in err
