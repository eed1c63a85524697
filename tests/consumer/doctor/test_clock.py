"""The clock, held against a registry's answers and records; the servers' own clocks are what is wrong here."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from consumer.doctor.clock import clock
from consumer.doctor.seen import Seen
from consumer.records import Record
from consumer.settings import Settings

HOUR = 3600


@contextmanager
def telling(offset_s: float | None) -> Iterator[str]:
    """The address of a server that lives so many seconds ahead of us, or tells no time; it wants a login."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(401)
            if offset_s is not None:
                self.send_header("Date", formatdate(time.time() + offset_s, usegmt=True))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://me:secret@127.0.0.1:{server.server_port}/apis"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def seen(url: str | None, *stamps_ms: int) -> Seen:
    made = Seen(Settings.model_validate({"registry": {"url": url}}))
    made.records = [Record("in", 0, n, stamp, None, b"") for n, stamp in enumerate(stamps_ms)]
    return made


@pytest.mark.parametrize(
    ("offset_s", "status", "told"),
    [
        (0, "ok", "within 5 s"),
        (4, "ok", "within 5 s"),
        (8, "warn", "behind it"),
        (HOUR, "warn", "behind it"),
        (-4, "ok", "within 5 s"),
        (-8, "warn", "ahead of it"),
        (-HOUR, "warn", "ahead of it"),
    ],
)
def test_a_clock_that_is_not_the_registry_s_is_told(offset_s, status, told):
    """Above five seconds, for its header is cut to the second; the address is told without its login."""
    with telling(offset_s) as url:
        [finding] = clock(seen(url))

    assert (finding.status, told in finding.value) == (status, True), finding
    assert "secret" not in finding.what
    assert ("NTP" in finding.advice) == (status == "warn")


def test_records_from_the_future_say_that_a_clock_is_wrong():
    """Those of the past say nothing: nobody may have written since."""
    now_ms = round(time.time() * 1000)

    [ahead] = clock(seen(None, now_ms - 9_000_000, now_ms + 60_000))
    [fine] = clock(seen(None, now_ms - 9_000_000))

    assert (ahead.status, ahead.value) == ("warn", "this machine's clock is 60 s behind it")
    assert fine.status == "ok"


def test_where_nobody_tells_the_time_that_is_said():
    with telling(None) as url:
        [finding] = clock(seen(url))

    assert finding.status == "skipped"
