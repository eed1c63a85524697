"""A registry in memory, for tests that need ids, and one over HTTP that answers what it is told to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

from confluent_kafka.schema_registry import RegisteredSchema, Schema
from confluent_kafka.schema_registry.error import SchemaRegistryError

Thing = TypeVar("Thing")

NOT_FOUND = SchemaRegistryError(404, 40403, "Schema not found")


class FakeRegistry:
    """Has what stands in `by_reference` and `by_version`; `fault` is raised by every call while it is set."""

    def __init__(self, **by_reference: str) -> None:
        self.by_reference: dict[object, Schema] = {
            int(name.removeprefix("id")): Schema(text, "AVRO") for name, text in by_reference.items()
        }
        self.by_version: dict[tuple[str, int], Schema] = {}
        self.subjects: dict[str, int] = {"urgent-value": 41, "routine-value": 42}
        self.fault: Exception | None = None
        self.calls = 0
        self.closed = False

    def get_schema(self, schema_id: int) -> Schema:
        return self._found(self.by_reference.get(schema_id))

    def get_schema_by_guid(self, guid: str) -> Schema:
        return self._found(self.by_reference.get(guid))

    def get_version(self, subject_name: str, version: int) -> RegisteredSchema:
        schema = self._found(self.by_version.get((subject_name, version)))
        return RegisteredSchema(schema_id=1, guid=None, subject=subject_name, version=version, schema=schema)

    def lookup_schema(self, subject_name: str, schema: Schema) -> RegisteredSchema:
        found = self._found(self.subjects.get(subject_name))
        return RegisteredSchema(schema_id=found, guid=None, subject=subject_name, version=1, schema=schema)

    def get_schema_types(self) -> list[str]:
        return ["AVRO"]

    def __exit__(self, *raised: object) -> None:
        self.closed = True

    def _found(self, thing: Thing | None) -> Thing:
        self.calls += 1
        if self.fault is not None:
            raise self.fault
        if thing is None:
            raise NOT_FOUND
        return thing


@contextmanager
def answering(status: int, body: object) -> Iterator[str]:
    """The address of a server whose every answer is this one."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = answer  # noqa: N815 - http.server's names

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
