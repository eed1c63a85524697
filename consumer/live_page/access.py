"""Who may see the page, and who may change something by it; and what every answer tells the browser to forbid."""

import hmac

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consumer.live_page.keys import Keys

MOST_BYTES = 256 * 1024
ENTRANCE = "/enter"
CSRF_HEADER = "x-shikyu-csrf"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
FORBIDDEN = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}

log = structlog.get_logger()


class Refused(Exception):
    """`status` of HTTP, and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Access:
    """Around the whole application, so that no route can be forgotten. Nothing of a request reaches a log."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # uvicorn was told to take no websockets
        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(FORBIDDEN)
            await send(message)

        try:
            self._look(scope)
            await self._app(scope, receive, guarded)
        except Refused as refused:
            await _told(refused)(scope, receive, guarded)
        except Exception as error:  # uvicorn's own log would hold its message, and so maybe a text
            log.error("page-failed", exc_info=error)
            if not started:
                await _told(error)(scope, receive, guarded)

    def _look(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._keys.origins:
            raise Refused(
                421, "This is not an address of this page. Where people reach it by another one, set page.url to it."
            )
        if scope["method"] not in ("GET", "HEAD", "POST"):
            raise Refused(405, "Only GET, HEAD and POST are answered.")
        if scope["path"] == ENTRANCE and scope["method"] != "POST":
            return
        if not self._is_let_in(scope["path"], headers):
            raise Refused(403, "This page opens by the address that `shikyu page` wrote when it was started.")
        # Another port of this host is the same site: should it know the path, the cookie alone would not tell us apart.
        asks = headers.get("sec-fetch-site", "same-origin")
        if scope["path"] != self._keys.path and asks not in ("same-origin", "none"):
            raise Refused(403, "Another page may not ask for this.")
        if scope["method"] == "POST":
            self._look_at_change(headers, hosts[0].lower())

    def _is_let_in(self, path: str, headers: Headers) -> bool:
        place, slash, _ = path.removeprefix("/").partition("/")
        cookies = _cookies(headers, self._keys.cookie)
        return bool(slash) and same(place, self._keys.place) and any(same(each, self._keys.session) for each in cookies)

    def _look_at_change(self, headers: Headers, host: str) -> None:
        if headers.get("origin") != self._keys.origins[host]:
            raise Refused(403, "Another page may not change anything here.")
        if not same(headers.get(CSRF_HEADER, ""), self._keys.csrf):
            raise Refused(403, "This page was opened before shikyu was started again: load it anew.")
        if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise Refused(415, "Only JSON is taken.")
        length = headers.get("content-length", "")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            raise Refused(413, f"At most {MOST_BYTES:,} bytes are taken, and their number has to be told.")


async def refusal(_request: Request, error: Exception) -> Response:
    """
    What the application answers to what a route raised.

    It has to be told: of an error that it knows nothing of, Starlette answers first that it is the server's, and raises
    it again, where a second answer comes too late.
    """
    return _told(error)


def same(given: str, wanted: str) -> bool:
    """In a time that tells nothing of how much of it is right."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def _told(error: Exception) -> Response:
    if isinstance(error, Refused):
        return PlainTextResponse(f"{error}\n", error.status)
    return PlainTextResponse("This is a bug; shikyu's log says where.\n", 500)


def _cookies(headers: Headers, name: str) -> list[str]:
    """All of that name: who serves another port may have set one, which is no reason to let nobody in."""
    pairs = (each.strip().partition("=") for each in headers.get("cookie", "").split(";"))
    return [value for own, _, value in pairs if own == name]
