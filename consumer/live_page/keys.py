"""
What opens the page: a token for its address, what the browser then keeps, and what a change must show besides.

A browser sends a host's cookies to whoever serves any port of it, but below the cookie's path alone. The page's path is
a secret, too, so that who serves another port cannot make the browser ask him for what is below it.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from consumer.errors import SettingsError

OWN_NAMES = ("127.0.0.1", "localhost", "[::1]")
EVERYWHERE = {"0.0.0.0", "[::]"}  # noqa: S104 - to listen on, and nobody's name
_PORTS = {"http": 80, "https": 443}


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Keys:
    """
    Of one process; with it they are gone, but for a `token` that was given.

    `origins` are the addresses under which the page may be asked for, by what a browser sends as Host.
    """

    port: int
    origins: Mapping[str, str]
    token: str = field(default_factory=_secret, repr=False)
    session: str = field(default_factory=_secret, repr=False)
    csrf: str = field(default_factory=_secret, repr=False)
    place: str = field(default_factory=_secret, repr=False)

    @classmethod
    def of(cls, host: str, port: int, url: str | None, token: str | None = None) -> "Keys":
        """
        Raises SettingsError for a `url` with a path or more.

        Any other name than these may be an attacker's, who had his own name lead here (DNS rebinding).
        """
        names = {*OWN_NAMES, f"[{host}]" if ":" in host else host.lower()} - EVERYWHERE
        origins = {f"{name}:{port}": f"http://{name}:{port}" for name in names}
        if url is not None:
            origins |= _beyond(url)
        return cls(port, origins) if token is None else cls(port, origins, token)

    @property
    def cookie(self) -> str:
        """Its name."""
        return f"shikyu-page-{self.port}"

    @property
    def path(self) -> str:
        """Below which everything stands but the entrance."""
        return f"/{self.place}/"

    def is_secure(self, host: str) -> bool:
        return self.origins[host].startswith("https:")


def _beyond(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if not parts.hostname or port == -1 or parts.path not in ("", "/") or parts.query or parts.fragment or "@" in url:
        raise SettingsError("page.url is no address such as https://shikyu.example.com: leave path and login out")
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    host = name if port in (None, _PORTS[parts.scheme]) else f"{name}:{port}"
    return {host: f"{parts.scheme}://{host}"}
