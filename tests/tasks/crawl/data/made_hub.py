"""A hub of data sets on this machine: what huggingface_hub and datasets ask of the real one to stream a data set.

Source: https://huggingface.co/.well-known/openapi.json (dataset info, tree, resolve).
"""

import hashlib
import json
import re
from collections import defaultdict
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_ADDRESS = re.compile(r"/(api/)?datasets/([^/]+/[^/]+)/(revision|tree|resolve)/([^/]+)/?(.*)")


class Hub:
    """What is there, each data set at one commit; and what was asked for it."""

    def __init__(self, data_sets: dict[str, dict[str, bytes]]) -> None:
        self.data_sets = data_sets
        self.cuts: dict[str, list[int]] = defaultdict(list)
        """Bytes of a file after which the connection is lost, once each."""
        self.address = ""
        self.asked: list[str] = []
        """Method and path of each request."""

    def num_asked(self, file: str) -> int:
        return sum(asked.startswith("GET ") and asked.endswith(f"/{file}") for asked in self.asked)


class HubHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(f"{self.command} {path}")
        found = _ADDRESS.fullmatch(path)
        api, name, what, revision, file = found.groups() if found else ("", "", "", "", "")
        files = self.hub.data_sets.get(name)
        if files is None or revision not in ("main", COMMIT):
            self._json({"error": "no such data set"}, 404, "RepoNotFound")
        elif api and what == "revision":
            self._json({"id": name, "sha": COMMIT, "siblings": [{"rfilename": file} for file in files]})
        elif api and what == "tree":
            self._tree(files, f"{file}/" if file else "")
        elif what == "resolve" and file in files:
            self._file(file, files[file])
        else:
            self._json({"error": "no such file"}, 404, "EntryNotFound")

    def do_HEAD(self) -> None:
        self.do_GET()

    def _tree(self, files: dict[str, bytes], under: str) -> None:
        entries: dict[str, dict[str, Any]] = {}
        for path in sorted(files):
            name, is_folder, _ = path.removeprefix(under).partition("/")
            if path.startswith(under):
                size = 0 if is_folder else len(files[path])
                entry = {"path": f"{under}{name}", "size": size, "oid": hashlib.sha1(path.encode()).hexdigest()}
                entries[name] = {"type": "directory" if is_folder else "file", **entry}
        if entries:
            self._json(list(entries.values()))
        else:
            self._json({"error": "no such folder"}, 404, "EntryNotFound")

    def _file(self, name: str, body: bytes) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers["Range"] or "")
        start = int(asked.group(1)) if asked else 0
        end = min(int(asked.group(2)) + 1, len(body)) if asked and asked.group(2) else len(body)
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(body)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", f'"{hashlib.sha1(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.hub.cuts[name]:
            end = min(end, start + self.hub.cuts[name].pop(0))
            self.close_connection = True
        self.wfile.write(body[start:end])

    def _json(self, answer: Any, status: int = 200, code: str = "") -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Error-Code", code)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        pass
