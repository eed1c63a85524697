"""
A stand-in for the Hugging Face Hub on 127.0.0.1: what huggingface_hub's client asks for, without xet.

Repositories are private until said otherwise, and every commit is kept. `refuse` answers in its place.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import close_session, constants

TOKEN = "hf_canary7f3a"
LARGE = (".onnx", ".safetensors", ".bin")
MAIN = "main"


@dataclass
class Repository:
    """`commits` by hash, each a whole tree of files; `branches` name one of them."""

    private: bool
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.commit(MAIN, {}, "initial commit")

    def commit(self, branch: str, files: Mapping[str, bytes | None], message: str = "files") -> str:
        """Adds `files` to the branch's tree, or takes those away that are None."""
        tree = {name: content for name, content in {**self.tree(branch), **files}.items() if content is not None}
        commit = hashlib.sha1(f"{len(self.commits)} {branch} {sorted(tree)}".encode()).hexdigest()
        self.commits[commit] = tree
        self.branches[branch] = commit
        self.messages.append(message)
        return commit

    def resolve(self, revision: str) -> str | None:
        found = [commit for commit in self.commits if commit.startswith(revision)]
        return self.branches.get(revision) or (found[0] if len(revision) >= 7 and found else None)

    def tree(self, revision: str) -> dict[str, bytes]:
        return self.commits.get(self.resolve(revision) or "", {})


@dataclass
class LocalHub:
    """`asked` has each request's method and path; `refuse` maps a part of a path to status and headers."""

    url: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refuse: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    ignored: set[str] = field(default_factory=set)

    def add(self, name: str, files: dict[str, bytes], *, private: bool = False) -> str:
        """A repository with these files. Returns their commit."""
        self.repositories[name] = Repository(private)
        return self.repositories[name].commit(MAIN, files)


class Handler(BaseHTTPRequestHandler):
    hub: LocalHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        pass

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def do_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(f"{self.command} {path}")
        for part, (status, headers) in self.hub.refuse.items():
            if part in f"{self.command} {path}":
                self.answer({"error": "refused"}, status, headers)
                return
        for pattern, act in ROUTES:
            if match := re.fullmatch(pattern, f"{self.command} {path}"):
                act(self, body, *match.groups())
                return
        self.refused(404, "EntryNotFound")

    do_GET = do_HEAD = do_POST = do_PUT = do_any  # noqa: N815 - the names that http.server looks for

    def answer(self, content: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refused(self, status: int, code: str) -> None:
        self.answer({"error": code}, status, {"X-Error-Code": code, "X-Error-Message": code})

    def repository(self, name: str) -> Repository | None:
        """None, and answered, unless it is there and this client may see it."""
        found = self.hub.repositories.get(name)
        if found is None or (found.private and not self.logged_in()):
            self.refused(404 if self.logged_in() else 401, "RepoNotFound")
            return None
        return found

    def logged_in(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def create(self, body: bytes) -> None:
        wanted = json.loads(body)
        name = f"{wanted.get('organization') or 'me'}/{wanted['name']}"
        known = name in self.hub.repositories
        if not self.logged_in():
            self.refused(401, "Unauthorized")
            return
        if not known:
            self.hub.repositories[name] = Repository(wanted.get("visibility") == "private")
        self.answer({"url": f"{self.hub.url}/{name}", "name": name}, 409 if known else 200)

    def branch(self, body: bytes, name: str, branch: str) -> None:
        del body
        if found := self.repository(name):
            known = branch in found.branches
            found.branches.setdefault(branch, found.branches[MAIN])
            self.answer({}, 409 if known else 201)

    def info(self, body: bytes, name: str, revision: str | None = None) -> None:
        del body
        if found := self.repository(name):
            if (commit := found.resolve(revision or MAIN)) is None:
                self.refused(404, "RevisionNotFound")
                return
            files = [{"rfilename": path, "size": len(content)} for path, content in found.commits[commit].items()]
            self.answer({"id": name, "sha": commit, "private": found.private, "siblings": files})

    def files(self, body: bytes, name: str, revision: str, folder: str | None = None) -> None:
        del body
        if found := self.repository(name):
            inside = {path: content for path, content in found.tree(revision).items() if path.startswith(folder or "")}
            if not inside:
                self.refused(404, "EntryNotFound")
                return
            self.answer(
                [
                    {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                    for path, content in inside.items()
                ]
            )

    def preupload(self, body: bytes, name: str, branch: str) -> None:
        if found := self.repository(name):
            if branch not in found.branches:
                self.refused(404, "RevisionNotFound")
                return
            modes = [
                {
                    "path": each["path"],
                    "uploadMode": "lfs" if each["path"].endswith(LARGE) else "regular",
                    "shouldIgnore": each["path"] in self.hub.ignored,
                }
                for each in json.loads(body)["files"]
            ]
            self.answer({"files": modes})

    def batch(self, body: bytes, name: str) -> None:
        if self.repository(name):
            objects = [
                {**each, "actions": {"upload": {"href": f"{self.hub.url}/large/{each['oid']}"}}}
                for each in json.loads(body)["objects"]
            ]
            self.answer({"transfer": "basic", "objects": objects})

    def put(self, body: bytes, oid: str) -> None:
        assert hashlib.sha256(body).hexdigest() == oid
        self.hub.large[oid] = body
        self.answer({})

    def commit(self, body: bytes, name: str, branch: str) -> None:
        if found := self.repository(name):
            files: dict[str, bytes | None] = {}
            message = ""
            for line in map(json.loads, body.splitlines()):
                value = line["value"]
                if line["key"] == "header":
                    message = value["summary"]
                elif line["key"] == "lfsFile":
                    files[value["path"]] = self.hub.large[value["oid"]]
                elif line["key"] == "deletedFile":
                    files[value["path"]] = None
                else:
                    files[value["path"]] = base64.b64decode(value["content"])
            oid = found.commit(branch, files, message)
            self.answer({"commitUrl": f"{self.hub.url}/{name}/commit/{oid}", "commitOid": oid})

    def resolve(self, body: bytes, name: str, revision: str, path: str) -> None:
        del body
        if found := self.repository(name):
            if (commit := found.resolve(revision)) is None:
                self.refused(404, "RevisionNotFound")
            elif (content := found.commits[commit].get(path)) is None:
                self.refused(404, "EntryNotFound")
            else:
                etag = hashlib.sha256(content).hexdigest()
                self.answer(content, 200, {"X-Repo-Commit": commit, "ETag": f'"{etag}"'})

    def yaml(self, body: bytes) -> None:
        del body
        self.answer({"errors": [], "warnings": []})


NAME = r"([^/]+/[^/]+)"
ROUTES = [
    ("POST /api/repos/create", Handler.create),
    ("POST /api/validate-yaml", Handler.yaml),
    (f"POST /api/models/{NAME}/branch/(.+)", Handler.branch),
    (f"POST /api/models/{NAME}/preupload/(.+)", Handler.preupload),
    (f"POST /api/models/{NAME}/commit/(.+)", Handler.commit),
    (f"POST /{NAME}.git/info/lfs/objects/batch", Handler.batch),
    ("PUT /large/(.+)", Handler.put),
    (f"GET /api/models/{NAME}/revision/(.+)", Handler.info),
    (f"GET /api/models/{NAME}/tree/([^/]+)(?:/(.+))?", Handler.files),
    (f"GET /api/models/{NAME}", Handler.info),
    (f"(?:GET|HEAD) /{NAME}/resolve/([^/]+)/(.+)", Handler.resolve),
]


def lead_client(monkeypatch: pytest.MonkeyPatch, url: str, home: Path, token: str = TOKEN) -> None:
    """This process's client asks at `url`, as HF_ENDPOINT tells one that starts."""
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr("transformers.utils.hub._hf_api", None)  # transformers keeps the one that it made first
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    for name in ("HF_HUB_CACHE", "HF_TOKEN_PATH", "AGENT_HARNESSES_PATH"):
        monkeypatch.setattr(constants, name, str(home / name))
    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@contextmanager
def local_hub() -> Iterator[LocalHub]:
    hub = LocalHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OwnHandler", (Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        close_session()
