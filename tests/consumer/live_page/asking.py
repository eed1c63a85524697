"""The application asked as uvicorn asks it, without a network; and parts of it that know no Kafka."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from consumer.flips.answers import Answer
from consumer.live_page.app import Parts, application
from consumer.live_page.keys import Keys
from consumer.records import Decision, ModelVersion, Satisfaction
from consumer.watching.tail import Arrived

PORT = 9465
HOST = f"127.0.0.1:{PORT}"
ORIGIN = f"http://{HOST}"
MODEL = ModelVersion("fake", "1", "fp32")


class Words:
    """Urgency is a tenth for each `help` in a text."""

    model = MODEL

    def __init__(self) -> None:
        self.asked: list[str] = []

    def follow(self) -> None:
        pass

    def classify(self, texts: Sequence[str]) -> list[Decision]:
        self.asked += texts
        return [self._decision(min(1.0, text.count("help") / 10)) for text in texts]

    def _decision(self, urgency: float) -> Decision:
        return Decision(
            Satisfaction.NEUTRAL, (0.2,) * 5, urgency, urgency >= 0.15, 0.15, "model", False, self.model
        )  # fmt: skip


@dataclass
class Kept:
    """A tail of what is put into it."""

    arrived: deque[Arrived] = field(default_factory=lambda: deque(maxlen=500))

    def put(self, **told: Any) -> None:
        answer = Answer(**{"source": ("in", 0, self.last), "run": "live", "fate": "urgent", "written_ms": 0, **told})
        self.arrived.append(Arrived.of(self.last + 1, answer))

    @property
    def last(self) -> int:
        return self.arrived[-1].number if self.arrived else 0

    def since(self, number: int, most: int = 500) -> list[Arrived]:
        return [each for each in self.arrived if each.number > number][-most:]


@dataclass
class Stands:
    told: dict[str, Any] = field(default_factory=lambda: {"state": "reading", "number": 0, "over": "1d"})
    asked: int = 0

    def again(self) -> None:
        self.asked += 1


class Looks:
    def look(self) -> dict[str, Any]:
        return {"at": "2026-11-29T12:00:00.000Z"}


@dataclass
class Asked:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return "; ".join(value for own, value in self.headers if own == name)

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class Desk:
    """Somebody at the page, who has its cookie unless told otherwise."""

    def __init__(self, *, include_text: bool = True, url: str | None = None, correct: Any = None) -> None:
        self.keys = Keys.of("127.0.0.1", PORT, url)
        self.tail, self.standing, self.words = Kept(), Stands(), Words()
        self.given: list[Any] = []
        self.looks = 2  # at the stream, before it ends
        parts = Parts(
            self.keys, self.tail, Looks(), self.standing, correct or self.given.append, self.words, include_text,
            self._is_over, tick_s=0.01,
        )  # fmt: skip
        self.app = application(parts)

    def _is_over(self) -> bool:
        self.looks -= 1
        return self.looks < 0

    def get(self, path: str, **headers: str | None) -> Asked:
        return self.ask("GET", self.within(path), headers)

    def within(self, path: str) -> str:
        """Where it stands."""
        return path if path.startswith("/enter") else f"/{self.keys.place}{path}"

    def post(self, path: str, told: Any, **headers: str | None) -> Asked:
        body = told if isinstance(told, bytes) else orjson.dumps(told)
        own = {
            "origin": ORIGIN, "x-shikyu-csrf": self.keys.csrf, "content-type": "application/json",
            "content-length": str(len(body)),
        }  # fmt: skip
        return self.ask("POST", self.within(path), {**own, **headers}, body)

    def ask(self, method: str, path: str, headers: dict[str, str | None], body: bytes = b"") -> Asked:
        """A header that is None is left out; `_` is a dash."""
        given = {"host": HOST, "cookie": f"{self.keys.cookie}={self.keys.session}"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        told = [(name, value) for name, value in given.items() if value is not None]
        return asked(self.app, method, path, told, body)


def asked(app: Callable[..., Any], method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> Asked:
    path, _, query = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", PORT),
    }  # fmt: skip
    found = Asked(0, [], b"")
    starts = 0

    async def send(message: dict[str, Any]) -> None:
        nonlocal starts
        if message["type"] == "http.response.start":
            starts += 1
            found.status = message["status"]
            found.headers = [(name.decode(), value.decode()) for name, value in message["headers"]]
        else:
            found.body += message.get("body", b"")

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    asyncio.run(app(scope, receive, send))
    assert starts == 1, f"{starts} answers to one request: uvicorn sends the first, and takes the rest for a fault"
    return found


def events(stream: bytes) -> list[tuple[str, Any]]:
    """Of server-sent events, their names and what they hold."""
    found = []
    for block in stream.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in lines:
            found.append((lines["event"], orjson.loads(lines["data"])))
    return found
