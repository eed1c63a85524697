"""What the page asks for: itself, trials, corrections, and the stream of what is to be seen, as server-sent events."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from typing import Any

import anyio
import orjson
import structlog
from anyio import CapacityLimiter, to_thread
from jinja2 import Environment
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from consumer.corrections.entries import ROLES
from consumer.errors import SettingsError, ShikyuError
from consumer.live_page import trial
from consumer.live_page.access import ENTRANCE, Access, Refused, refusal, same
from consumer.live_page.corrections import Correct
from consumer.live_page.keys import Keys
from consumer.live_page.standing import Standing
from consumer.pages.environment import environment as shared
from consumer.records import Satisfaction
from consumer.watching.frame import Frame, answer_of
from consumer.watching.observer import Observer
from consumer.watching.tail import Tail

TICK_S = 0.5
LOOK_EVERY_S = 1.0
QUIET_S = 10.0  # after which an empty comment keeps the connection
MOST_LISTENERS = 32
MOST_WAITING = 8  # texts to be tried
MOST_AT_ONCE = 50  # answers an event, of which there are two a second: more can't be read
SCRIPTS = ("page.js", "trial.js", "stream.js", "correct.js", "figures.js", "words.js")

log = structlog.get_logger()


@dataclass
class Parts:
    """What the routes work with. `stopping` says when streams shall end."""

    keys: Keys
    tail: Tail
    observer: Observer
    standing: Standing
    correct: Correct
    classifier: trial.Classifies | None
    include_text: bool
    stopping: Callable[[], bool]
    tick_s: float = TICK_S  # how often streams are looked after


def application(parts: Parts) -> ASGIApp:
    return Access(_Page(parts).app, parts.keys)


@cache
def environment() -> Environment:
    return shared("consumer.live_page")


class _Page:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._frame: Frame | None = None
        self._listeners = 0
        self._waiting = 0
        self._one_model = CapacityLimiter(1)
        within = [
            Route("/", self.page),
            Route("/page.css", self.style),
            Route("/api/stream", self.stream),
            Route("/api/try", self.try_text, methods=["POST"]),
            Route("/api/corrections", self.correct, methods=["POST"]),
            Route("/api/standing", self.read_again, methods=["POST"]),
            *(Route(f"/{name}", partial(self.script, name)) for name in SCRIPTS),
        ]
        routes = [Route(ENTRANCE, self.enter), Mount(f"/{parts.keys.place}", routes=within)]
        told = {Refused: refusal, Exception: refusal}
        self.app = Starlette(routes=routes, lifespan=self._looking, exception_handlers=told)

    @asynccontextmanager
    async def _looking(self, _app: Starlette) -> AsyncIterator[None]:
        """Somebody has to look at the stream, however many listen, and even when nobody does: rates need a before."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._look)
            yield
            group.cancel_scope.cancel()

    async def _look(self) -> None:
        while True:
            try:
                self._frame = await to_thread.run_sync(self._parts.observer.look, abandon_on_cancel=True)
            except Exception as error:  # else the page would stand still, and nobody would know why
                log.error("page-failed", exc_info=error)
            await anyio.sleep(LOOK_EVERY_S)

    async def page(self, _request: Request) -> Response:
        classifier = self._parts.classifier
        shown = {
            "csrf": self._parts.keys.csrf,
            "include_text": self._parts.include_text,
            "model": None if classifier is None else classifier.model,
            "most_characters": trial.MOST_CHARACTERS,
            "most_pieces": trial.MOST_PIECES,
            "roles": list(reversed(ROLES)),
            "classes": list(Satisfaction),
            "over": self._parts.standing.told["over"],
        }
        return HTMLResponse(environment().get_template("live.html").render(shown))

    async def enter(self, request: Request) -> Response:
        """
        The token for the cookie. It goes on by a page of its own and not by a redirection: a browser that was led here
        by another site would send no SameSite=Strict cookie on that.
        """
        keys = self._parts.keys
        if not same(request.query_params.get("token", ""), keys.token):
            raise Refused(403, "This address is not the one that `shikyu page` wrote when it was started last.")
        answer = HTMLResponse(environment().get_template("enter.html").render(path=keys.path))
        secure = keys.is_secure(request.headers["host"].lower())
        answer.set_cookie(keys.cookie, keys.session, path=keys.path, httponly=True, samesite="strict", secure=secure)
        return answer

    async def style(self, _request: Request) -> Response:
        rooms = (files("consumer.pages") / "templates" / "page.css", files("consumer.live_page") / "files" / "live.css")
        return Response("\n".join(each.read_text("utf-8") for each in rooms), media_type="text/css")

    async def script(self, name: str, _request: Request) -> Response:
        return Response((files("consumer.live_page") / "files" / name).read_bytes(), media_type="text/javascript")

    async def try_text(self, request: Request) -> Response:
        given = await _given(request)
        text, classifier = given.get("text"), self._parts.classifier
        if classifier is None:
            return _problem(409, "model.artifact is not set: name the model's folder and start `shikyu page` again.")
        if not isinstance(text, str) or len(text) > trial.MOST_CHARACTERS:
            return _problem(400, f"A text of at most {trial.MOST_CHARACTERS:,} characters is taken.")
        if self._waiting >= MOST_WAITING:
            return _problem(429, "Others are trying texts: try again in a moment.")
        self._waiting += 1
        try:
            ask = partial(trial.tried, classifier, text, with_words=bool(given.get("words")))
            return _json(await to_thread.run_sync(ask, limiter=self._one_model))
        except ShikyuError as problem:
            return _problem(503, str(problem))
        finally:
            self._waiting -= 1

    async def correct(self, request: Request) -> Response:
        try:
            await to_thread.run_sync(self._parts.correct, await _given(request))
        except SettingsError as problem:
            return _problem(400, str(problem))
        except ShikyuError as problem:
            return _problem(503, str(problem))
        return _json({"written": True})

    async def read_again(self, _request: Request) -> Response:
        self._parts.standing.again()
        return _json({"reading": True})

    async def stream(self, request: Request) -> Response:
        if self._listeners >= MOST_LISTENERS:
            return _problem(503, f"{MOST_LISTENERS} pages are open already: close one.")
        last = request.headers.get("last-event-id", "")
        events = self._events(int(last) if last.isdecimal() and len(last) < 16 else 0)
        return StreamingResponse(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    async def _events(self, number: int) -> AsyncIterator[bytes]:
        # Written here and not by sse-starlette, which puts every event into its debug log and changes uvicorn's class.
        parts, standing_number, frame_at, quiet_s = self._parts, -1, "", 0.0
        self._listeners += 1
        try:
            yield b"retry: 2000\n\n"
            while not parts.stopping():
                number = min(number, parts.tail.last)  # that of another process may be larger
                some = []
                if new := parts.tail.since(number, MOST_AT_ONCE):
                    told = [answer_of(each, with_text=parts.include_text) for each in new]
                    passed_over = new[0].number - number - 1 if number else 0
                    number = new[-1].number
                    some.append(_event("answers", {"answers": told, "passed_over": passed_over}, number))
                if self._frame is not None and self._frame["at"] != frame_at:
                    frame_at = self._frame["at"]
                    some.append(_event("frame", self._frame))
                if (standing := parts.standing.told)["number"] != standing_number:
                    standing_number = standing["number"]
                    some.append(_event("standing", standing))
                quiet_s = 0.0 if some else quiet_s + parts.tick_s
                if quiet_s >= QUIET_S:
                    some, quiet_s = [b":\n\n"], 0.0
                for each in some:
                    yield each
                await anyio.sleep(parts.tick_s)
        finally:
            self._listeners -= 1


def _event(name: str, told: Any, number: int | None = None) -> bytes:
    """JSON of orjson's has no line's end in it."""
    own = b"" if number is None else b"id: %d\n" % number
    return b"%bevent: %b\ndata: %b\n\n" % (own, name.encode(), orjson.dumps(told))


async def _given(request: Request) -> dict[str, Any]:
    try:
        given = orjson.loads(await request.body())
    except ValueError:  # which holds what was given
        given = None
    if not isinstance(given, dict):
        raise Refused(400, "A JSON object is taken.")
    return given


def _json(told: object, status: int = 200) -> Response:
    return Response(orjson.dumps(told), status, media_type="application/json")


def _problem(status: int, sentence: str) -> Response:
    return _json({"problem": sentence}, status)
