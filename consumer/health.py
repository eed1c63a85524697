"""
/livez, /readyz and /metrics.

Alive is a poll loop that moves, never a broker that answers: a restart mends the one and not the other.
"""

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from consumer.errors import SettingsError, SurroundingsError
from consumer.settings import Http

REQUEST_S = 5.0  # from the connection to its end
MOST_REQUESTS = 32  # at once; a probe, a scrape and a person or two are what comes
MOST_OF_A_CLIENT = 8  # of these
_TEXT = "text/plain; charset=utf-8"


class Health:
    """What the loop told last. Written by the loop's thread, read by the server's: each field is one assignment."""

    def __init__(self, poll_limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._poll_limit_s = poll_limit_s
        self._clock = clock
        self._polled_at: float | None = None
        self._model_warm = False
        self._assignment_known = False

    def polled(self) -> None:
        """The loop asked Kafka for records."""
        self._polled_at = self._clock()

    def model_warm(self) -> None:
        """The model is loaded and has answered once."""
        self._model_warm = True

    def assignment_known(self, known: bool = True) -> None:
        """The group told this consumer its partitions (none is an answer too), or it has left."""
        self._assignment_known = known

    def stuck_s(self) -> float | None:
        """For how long the loop has stood still, if that is too long. Before the first poll nothing is."""
        if self._polled_at is None:
            return None
        still = self._clock() - self._polled_at
        return still if still > self._poll_limit_s else None

    def not_ready(self) -> str | None:
        """What readiness still waits for."""
        if not self._model_warm:
            return "the model is not warm yet"
        if not self._assignment_known:
            return "the group has not told this consumer its partitions yet"
        return None


@contextmanager
def serve(settings: Http, health: Health, registry: CollectorRegistry) -> Iterator[int]:
    """
    Serves until the block is left; yields the port (0: none is served).

    Raises SurroundingsError where the address can't be had, SettingsError where it is none.
    """
    if settings.port == 0:
        yield 0
        return
    server = _bound(settings, health, registry)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="health", daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


def _bound(settings: Http, health: Health, registry: CollectorRegistry) -> "_Server":
    try:
        return _Server(settings, health, registry)
    except OSError as error:
        raise SurroundingsError(
            f"{settings.host}:{settings.port} cannot be served ({error.strerror}): stop what listens there, "
            "or set http.port to another port (0: no health, no metrics) and http.host to an address of this host"
        ) from error
    except (TypeError, ValueError) as error:  # a name that cannot even be asked for
        raise SettingsError(f"http.host is {settings.host!r}, which is no host's name or address") from error


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, settings: Http, health: Health, registry: CollectorRegistry) -> None:
        self.health = health
        self.registry = registry
        self._room = threading.BoundedSemaphore(MOST_REQUESTS)
        self._clients: Counter[str] = Counter()
        self._counting = threading.Lock()
        if ":" in settings.host:
            self.address_family = socket.AF_INET6
        super().__init__((settings.host, settings.port), _Handler)

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's own asks the DNS for this host's name, and may wait for it

    def process_request(self, request: Any, client_address: Any) -> None:
        # Whoever holds connections open must not keep the orchestrator's probes out.
        if self._comes(client_address[0]):
            if self._room.acquire(blocking=False):
                super().process_request(request, client_address)
                return
            self._goes(client_address[0])
        self.shutdown_request(request)

    def _comes(self, client: str) -> bool:
        with self._counting:
            if self._clients[client] >= MOST_OF_A_CLIENT:
                return False
            self._clients[client] += 1
            return True

    def _goes(self, client: str) -> None:
        with self._counting:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        # The handler's own limit is of one read: who sends a byte now and then could stay for ever.
        ending = threading.Timer(REQUEST_S, _end, [request])
        ending.daemon = True
        ending.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            ending.cancel()
            self._room.release()
            self._goes(client_address[0])

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is none of our business, and its bytes are for no log."""


def _end(request: socket.socket) -> None:
    with suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    timeout = REQUEST_S
    server: _Server
    server_version = "shikyu"
    sys_version = ""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/livez":
            stuck = self.server.health.stuck_s()
            self._answer(200 if stuck is None else 503, "ok" if stuck is None else f"no poll for {stuck:.0f} s")
        elif path == "/readyz":
            waiting = self.server.health.not_ready()
            self._answer(503 if waiting else 200, waiting or "ok")
        elif path == "/metrics":
            encode, content_type = choose_encoder(self.headers.get("Accept", ""))
            self._write(200, encode(self.server.registry), content_type)
        else:
            self._answer(404, "there are /livez, /readyz and /metrics")

    do_HEAD = do_GET  # noqa: N815 - the names are http.server's

    def _refuse(self) -> None:
        self._answer(405, "only GET and HEAD are answered")

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse  # noqa: N815

    def _answer(self, status: int, text: str) -> None:
        self._write(status, f"{text}\n".encode(), _TEXT)

    def _write(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if status == 405:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Probes come every few seconds."""
