"""A local server with the part of the Hugging Face hub's protocol that this project uses.

A hub answers with the metadata of a file. It redirects the request for a large file to another
server, the CDN. `faults` lists the faults of the CDN's answers in their order. After the last
one, every answer is correct.

    with HubServer() as hub:
        hub.publish("openai-community/gpt2", folder)
        hub.faults = [Fault(), Fault(), Fault(die_after=1000)]
        HfFileSystem(endpoint=hub.url).open("openai-community/gpt2/model.safetensors").read()
        hub.requests  # each request, with the number of bytes that were sent
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

RESOLVE = re.compile(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
API = re.compile(r"/api/(models|datasets)/([^/]+/[^/]+)(?:/(revision|tree|paths-info)/(.+))?")
PIECE = 1 << 16  # bytes sent at once
SMALL = {".md", ".json", ".txt", ".yaml"}  # stored in git itself, so the CDN is not used


@dataclass
class Fault:
    """A fault of one answer; the defaults give a correct answer."""

    status: int = 200
    die_after: int | None = None  # bytes of the body before the connection closes
    whole_file: bool = False  # answer 200 with the whole file to a request for a part


@dataclass
class Request:
    server: str  # "hub" or "cdn"
    method: str
    path: str
    headers: Mapping[str, str]
    sent: int = 0  # bytes of the body


class HubServer:
    """Serves folders as repositories. Each call of `publish` makes a new commit."""

    def __init__(self):
        self.commits: dict[str, dict[str, Path]] = {}  # repository: commit: folder
        self.requests: list[Request] = []
        self.faults: Iterable[Fault] = []
        self.lock = threading.Lock()
        self.servers = [_Server(self, _Hub, "127.0.0.1"), _Server(self, _Cdn, "localhost")]
        self.url, self.cdn_url = (server.url for server in self.servers)

    def __enter__(self) -> HubServer:
        for server in self.servers:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def publish(self, repo: str, folder: Path, kind: str = "models") -> str:
        """Publish a folder as the newest commit of a repository; return the commit's hash."""
        commits = self.commits.setdefault(f"{kind}/{repo}", {})
        commit = hashlib.sha1(f"{kind}/{repo}/{len(commits)}".encode()).hexdigest()
        commits[commit] = Path(folder)
        return commit

    def folder(self, repo: str, revision: str) -> tuple[str, Path] | None:
        """Return the commit of a revision and its folder."""
        commits = self.commits.get(repo, {})
        if revision == "main" and commits:
            revision = list(commits)[-1]
        return (revision, commits[revision]) if revision in commits else None

    def next_fault(self) -> Fault:
        with self.lock:
            self.faults = iter(self.faults)
            return next(self.faults, Fault())


class _Server(ThreadingHTTPServer):
    """Listens on 127.0.0.1. The CDN has another name, because clients compare host names."""

    daemon_threads = True

    def __init__(self, hub, handler, name):
        super().__init__(("127.0.0.1", 0), handler)
        self.hub, self.url = hub, f"http://{name}:{self.server_port}"

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # a client may close the connection
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        hub = self.server.hub
        path = unquote(urlsplit(self.path).path)
        self.seen = Request(self.name, self.command, path, self.headers)
        hub.requests.append(self.seen)
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.fault = hub.next_fault() if self.name == "cdn" else Fault()
        if self.fault.status != 200:
            self.answer(self.fault.status)
        else:
            self.route(hub, path, body)

    do_HEAD = do_POST = do_GET

    def answer(self, status=200, body=b"", **headers):
        self.send_response(status)
        for name, value in {"Content_Length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command == "HEAD":
            return
        part = body[: self.fault.die_after]
        for at in range(0, len(part), PIECE):
            piece = part[at : at + PIECE]
            # Counted before the write, because the client may finish first.
            self.seen.sent += len(piece)
            self.wfile.write(piece)
        if len(part) < len(body):
            self.close_connection = True

    def json(self, value):
        self.answer(200, json.dumps(value).encode(), Content_Type="application/json")

    def missing(self, kind):
        self.answer(404, X_Error_Code=f"{kind}NotFound")

    def log_message(self, *_):
        pass


class _Hub(_Handler):
    name = "hub"

    def route(self, hub, path, body):
        if match := RESOLVE.fullmatch(path):
            kind, repo, revision, file = match.groups()
            self.resolve(hub, f"{kind or 'models/'}{repo}", revision, file)
        elif match := API.fullmatch(path):
            kind, repo, query, rest = match.groups()
            self.api(hub, f"{kind}/{repo}", query, rest or "main", body)
        else:
            self.answer(404)

    def resolve(self, hub, repo, revision, file):
        if not (found := hub.folder(repo, revision)):
            return self.missing("Revision" if repo in hub.commits else "Repo")
        commit, folder = found
        path = folder / file
        if not path.is_file():
            return self.missing("Entry")
        headers = {"X_Repo_Commit": commit, "ETag": _etag(path), "Accept_Ranges": "bytes"}
        if path.suffix in SMALL:
            return self.answer(200, path.read_bytes(), **headers)
        headers |= {"X_Linked_ETag": _etag(path), "X_Linked_Size": path.stat().st_size}
        location = f"{hub.cdn_url}/cdn/{repo}/{commit}/{file}?Signature=secret"
        return self.answer(302, Location=location, **headers)

    def api(self, hub, repo, query, rest, body):
        revision, _, below = rest.partition("/")
        if not (found := hub.folder(repo, revision)):
            return self.missing("Revision" if repo in hub.commits else "Repo")
        commit, folder = found
        if query == "tree":
            below = folder / below
            recursive = "recursive=true" in self.path.lower()
            return self.json(_entries(folder, below.glob("**/*" if recursive else "*")))
        if query == "paths-info":
            paths = parse_qs(body.decode())["paths"]
            return self.json(_entries(folder, (folder / path for path in paths)))
        files = [{"rfilename": entry["path"]} for entry in _entries(folder, folder.rglob("*"))]
        return self.json({"id": repo.partition("/")[2], "sha": commit, "siblings": files})


class _Cdn(_Handler):
    name = "cdn"

    def route(self, hub, path, body):
        _, _, kind, owner, name, commit, file = path.split("/", 6)
        path = hub.folder(f"{kind}/{owner}/{name}", commit)[1] / file
        total, headers = path.stat().st_size, {"ETag": _etag(path)}
        requested = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers["Range"] or "")
        if not requested or self.fault.whole_file:
            return self.answer(200, path.read_bytes(), **headers)
        start, stop = int(requested[1]), min(int(requested[2] or total) + 1, total)
        if start >= total:
            return self.answer(416, Content_Range=f"bytes */{total}")
        headers["Content_Range"] = f"bytes {start}-{stop - 1}/{total}"
        return self.answer(206, _part(path, start, stop), **headers)


def _part(path, start, stop):
    with open(path, "rb") as file:
        file.seek(start)
        return file.read(stop - start)


def _etag(path):
    return f'"{_sha256(path, path.stat().st_mtime_ns)}"'


@cache
def _sha256(path, modified):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _entries(folder, paths):
    return [_entry(folder, path) for path in sorted(paths) if path.exists()]


def _entry(folder, path):
    entry = {"type": "directory", "path": path.relative_to(folder).as_posix(), "oid": "0" * 40}
    if path.is_file():
        entry |= {"type": "file", "size": path.stat().st_size}
        if path.suffix not in SMALL:
            digest = _etag(path).strip('"')
            entry["lfs"] = {"oid": digest, "size": entry["size"], "pointerSize": 134}
    return entry
