"""The page at an address, until somebody ends it."""

import contextlib
import ipaddress
import socket
from collections.abc import Callable, Iterator
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp

from consumer.errors import SettingsError, SurroundingsError
from consumer.live_page.access import ENTRANCE
from consumer.live_page.keys import Keys
from consumer.settings import Page
from consumer.stop import Stop

LEAVING_S = 3

log = structlog.get_logger()


def bound(settings: Page) -> socket.socket:
    """Raises SurroundingsError where the address can't be had, SettingsError where it is none."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise SurroundingsError(
            f"{settings.host}:{settings.port} cannot be served ({error.strerror}): stop what listens there, or set "
            "page.port to another port (0: any that is free) and page.host to an address of this host"
        ) from error
    except (TypeError, ValueError) as error:  # a name that cannot even be asked for
        raise SettingsError(f"page.host is {settings.host!r}, which is no host's name or address") from error


def warn_of_plain(settings: Page) -> None:
    """In the log, where other machines reach the page and no TLS of a proxy is known of."""
    if not _is_this_machine(settings.host) and not (settings.url or "").startswith("https:"):
        log.warning(
            "page-without-tls",
            host=settings.host,
            advice="whoever is on the way reads the texts, and what opens the page: leave page.host at 127.0.0.1 and "
            "come by `ssh -L`, or put a proxy with TLS before it and set page.url to its https address",
        )


def address(settings: Page, listening: socket.socket, keys: Keys) -> str:
    """What opens the page. A token that stays is not told: where standard output is kept, it would be kept."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - what listens everywhere listens here
        host = "127.0.0.1"
    shown = settings.url or f"http://{f'[{host}]' if ':' in host else host}:{port}"
    return f"{shown.rstrip('/')}{ENTRANCE}?token={keys.token if settings.token is None else '… (page.token)'}"


def serve(app: ASGIApp, listening: socket.socket, stop: Stop, ready: Callable[[], None]) -> None:
    """Returns when told to stop. `ready` is called once it answers."""
    config = uvicorn.Config(
        app,
        access_log=False,  # the first address holds the token
        log_config=None,
        log_level="critical",
        lifespan="on",
        ws="none",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=LEAVING_S,
        limit_concurrency=256,
    )
    _Server(config, stop, ready).run([listening])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, stop: Stop, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._stop = stop
        self._ready = ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """They are ours: uvicorn would raise them again when it is done, and the exit code were another."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def on_tick(self, counter: int) -> bool:
        return self._stop() or await super().on_tick(counter)

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        self.should_exit = True
        await super().shutdown(sockets)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
