"""Servers that play the Hub, Ollama's registry, ModelScope, S3 and plain web servers, on loopback, as docs/sources.md has
them. Every request is logged with its headers; faults are switched on by a test. Two servers are two ports, which count as
two hosts.

By hand: server.py [FOLDER] [--hub ORG/NAME=FOLDER]... [--latency-ms N] serves FOLDER as hf://acme/NAME, as ms://acme/NAME,
as s3://public/NAME/ and below a plain web address, prints what to export, then each request as it is answered."""
import argparse
import calendar
import gzip
import hashlib
import hmac
import http.server
import json
import os
import re
import socketserver
import threading
import time
import urllib.parse

COMMIT = "3f1c0de5a7b94e2f8c6d0a1b2c3d4e5f60718293"
OLDER_COMMIT = "0a1b2c3d4e5f60718293a4b5c6d7e8f900112233"
HOLE = 5_000_000_000  # bytes of what is only said to be there


class Content:
    """The bytes of a file: those that are given, then zeros up to `size`, which cost nothing."""

    def __init__(self, head, size=None):
        self.head = head
        self.size = len(head) if size is None else size
        self.sha256 = hashlib.sha256(head + str(self.size).encode()).hexdigest() if size else hashlib.sha256(head).hexdigest()
        self.sha1 = hashlib.sha1(head).hexdigest()

    def part(self, begin, end):
        got = self.head[begin:end]
        return got + bytes(min(end, self.size) - begin - len(got))


def contents_of(folder):
    """{path: Content} of all files below a folder, links followed; of files over 64 MiB only the first 64 are real."""
    files = {}
    for path, _, names in os.walk(folder):
        for name in names:
            whole = os.path.join(path, name)
            with open(whole, "rb") as file:
                head = file.read(64 << 20)
            files[os.path.relpath(whole, folder)] = Content(head, os.path.getsize(whole))
    return files


class Answer:
    """What a request gets. `body` is bytes, a Content (of which the range is served), or a function that writes."""

    def __init__(self, status=200, body=b"", headers=(), ranges=True):
        self.status, self.body, self.headers, self.ranges = status, body, list(headers), ranges


class Request:
    def __init__(self, handler, server):
        self.server = server.label
        self.target = handler.path
        self.method = handler.command
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.url = urllib.parse.urlsplit(handler.path)
        self.path = self.url.path
        self.query = urllib.parse.parse_qs(self.url.query, keep_blank_values=True)
        self.status, self.sent = 0, 0

    @property
    def range(self):
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        return match and (int(match[1]), int(match[2]) + 1 if match[2] else None)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 0
    disable_nagle_algorithm = True  # else a body waits 40 ms for the client to confirm the headers

    def log_message(self, *_):
        pass

    def do_GET(self):
        request = Request(self, self.server)
        with self.server.lock:
            self.server.log.append(request)
        if self.server.latency:
            time.sleep(self.server.latency)
        try:
            answer = self.server.faults_for(request) or self.server.answer(request)
            self.send(request, answer)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_HEAD = do_GET

    def send(self, request, answer):
        status, body, headers = answer.status, answer.body, answer.headers
        if callable(body):
            request.status = status
            return body(self, request)
        if isinstance(body, Content):
            wanted = request.range if answer.ranges else None
            if wanted and wanted[0] >= body.size and status == 200:
                status, body, headers = 416, b"", [("Content-Range", f"bytes */{body.size}")]
            elif wanted and status == 200:
                begin, end = wanted[0], min(wanted[1] or body.size, body.size)
                headers = [("Content-Range", f"bytes {begin}-{end - 1}/{body.size}"), *headers]
                status, body = 206, body.part(begin, end)
            else:
                return self.send_long(request, status, body, headers)
        self.begin(request, status, [*headers, ("Content-Length", str(len(body)))])
        if self.command != "HEAD":
            self.write(request, body)

    def begin(self, request, status, headers):
        request.status = status
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def write(self, request, body):
        self.wfile.write(body)
        request.sent += len(body)

    def send_long(self, request, status, body, headers):
        self.begin(request, status, [*headers, ("Content-Length", str(body.size))])
        for begin in range(0, body.size, 1 << 16):
            self.write(request, body.part(begin, min(begin + (1 << 16), body.size)))


def on_the_wire(request, answer, most=1 << 20):
    """Status, headers and the first bytes of the body that an answer has for a request."""
    status, body, headers = answer.status, answer.body, list(answer.headers)
    if isinstance(body, Content):
        size, wanted = body.size, request.range if answer.ranges and status == 200 else None
        if wanted and wanted[0] < size:
            begin, end = wanted[0], min(wanted[1] or size, size)
            headers = [("Content-Range", f"bytes {begin}-{end - 1}/{size}"), *headers]
            status, body, size = 206, body.part(begin, min(end, begin + most)), end - begin
        else:
            body = body.part(0, min(size, most))
    else:
        size = len(body)
    return status, [*headers, ("Content-Length", str(size))], body


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """A server of its own port. `faults` are functions request -> Answer or None, asked in order before the server itself."""
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, label, latency=0.0):
        super().__init__(("127.0.0.1", 0), Handler)
        self.label, self.latency = label, latency
        self.log, self.faults, self.lock = [], [], threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, *_):
        pass

    def faults_for(self, request):
        for fault in self.faults:
            answer = fault(request)
            if answer is not None:
                return answer
        return None

    def reset(self):
        with self.lock:
            self.log, self.faults = [], []

    def answer(self, request):
        raise NotImplementedError

    def stop(self):
        self.shutdown()
        self.server_close()


# --- Faults: what goes wrong for requests whose target contains a text, the first `times` times after `after` others


def fault(contains, answer, times=1 << 30, after=0):
    """`answer`: an Answer, or a function request -> Answer."""
    state = {"met": 0}
    lock = threading.Lock()

    def met(request):
        if contains not in request.target:
            return None
        with lock:
            state["met"] += 1
            number = state["met"]
        if number <= after or number > after + times:
            return None
        return answer(request) if callable(answer) else answer
    return met


def slow(seconds, then=None):
    """A header at once, then a byte now and then."""
    def write(handler, request):
        handler.begin(request, 200, [("Content-Length", str(HOLE))])
        end = time.time() + seconds
        while time.time() < end:
            handler.write(request, b"\0")
            time.sleep(0.2)
        handler.close_connection = True
    return Answer(200, write)


def endless(handler, request):
    handler.begin(request, 200, [("Transfer-Encoding", "chunked")])
    while True:
        handler.write(request, b"10000\r\n" + bytes(1 << 16) + b"\r\n")


def cut_short(content):
    """A range of which half comes before the connection is closed."""
    def write(handler, request):
        begin, end = request.range or (0, content.size)
        end = min(end or content.size, content.size)
        handler.begin(request, 206, [("Content-Range", f"bytes {begin}-{end - 1}/{content.size}"),
                                     ("Content-Length", str(end - begin))])
        handler.write(request, content.part(begin, begin + (end - begin) // 2))
        handler.close_connection = True
        handler.connection.close()
    return Answer(206, write)


def hang_up(handler, request):
    handler.close_connection = True
    handler.connection.close()


def raw(text):
    """Bytes in place of a whole answer."""
    def write(handler, request):
        handler.wfile.write(text)
        handler.close_connection = True
    return Answer(200, write)


def replaced(headers, **values):
    """Headers with others in their place, None for none; `content_range` is Content-Range."""
    new = {name.replace("_", "-"): value for name, value in values.items()}
    kept = [(name, value) for name, value in headers if name.lower() not in new]
    return [*kept, *((name.title(), value) for name, value in new.items() if value is not None)]


def spoiled(change):
    """A fault that gets the true answer: `change`(status, headers, body) gives the three of the wrong one."""
    def answer(request, true):
        status, headers, body = change(*on_the_wire(request, true))

        def write(handler, request):
            handler.begin(request, status, headers)
            if handler.command != "HEAD":
                handler.write(request, body)
            handler.close_connection = True
        return Answer(status, write)
    return answer


def trickled(request, true):
    """The true answer, a byte at a time."""
    status, headers, body = on_the_wire(request, true)

    def write(handler, request):
        handler.begin(request, status, headers)
        for at in range(len(body)):
            handler.write(request, body[at:at + 1])
            time.sleep(0.3)
    return Answer(status, write)


def moved_range(status, headers, body):
    value = dict((name.lower(), text) for name, text in headers).get("content-range")
    if not value:
        return status, headers, body[1:]
    first, last, size = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", value).groups()
    return status, replaced(headers, content_range=f"bytes {int(first) + 1}-{int(last) + 1}/{int(size) + 2}"), body


def other_size(difference):
    def change(status, headers, body):
        value = dict((name.lower(), text) for name, text in headers).get("content-range")
        if not value:
            return status, headers, body
        begin, _, size = value.rpartition("/")
        return status, replaced(headers, content_range=f"{begin}/{int(size) + difference}"), body
    return change


def always(answer):
    return lambda request, true: answer(request) if callable(answer) else answer


def whole_and_slow(request, true):
    """200, five gigabytes, as much as is taken."""
    content = true.body if isinstance(true.body, Content) else Content(b"")

    def write(handler, request):
        handler.begin(request, 200, [("Content-Length", str(HOLE))])
        for begin in range(0, HOLE, 1 << 16):
            handler.write(request, Content(content.head, HOLE).part(begin, begin + (1 << 16)))
            time.sleep(0.005)
    return Answer(200, write)


def without_ranges(request, true):
    return Answer(true.status, true.body, true.headers, ranges=False)


def without_length(status, headers, body):
    return status, replaced(headers, content_length=None, connection="close"), body


def packed(status, headers, body):
    body = gzip.compress(body)
    return status, replaced(headers, content_encoding="gzip", content_length=str(len(body))), body


def half(status, headers, body):
    return status, headers, body[:len(body) // 2]


def other_etag(status, headers, body):
    return status, replaced(headers, etag='"another"'), body


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"6" * 64 + b"\nsize 5000012345\n"
HTML = Answer(200, b"<!DOCTYPE html><html><body>Please log in to the network</body></html>", [("Content-Type", "text/html")])
TOO_MANY = Answer(429, b"", [("RateLimit", '"api";r=0;t=1')])
UNAVAILABLE = Answer(503, b"busy")


# By name, functions (request, the true answer) -> answer. Those in PASSING, met once, must not keep a client from its report.
FAULTS = {
    "hang up": always(Answer(200, hang_up)),
    "cut": spoiled(half),
    "429": always(Answer(429, b"", [("RateLimit", '"api";r=0;t=0')])),
    "429 with a date": always(Answer(429, b"", [("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT")])),
    "429 for an hour": always(Answer(429, b"", [("Retry-After", "3600")])),
    "503": always(UNAVAILABLE),
    "500 and html": always(Answer(500, b"<html>", [("Content-Type", "text/html")])),
    "trickle": trickled,
    "no range": without_ranges,
    "no range, 5 GB": whole_and_slow,
    "no length": spoiled(without_length),
    "no length, cut": spoiled(lambda *answer: without_length(*half(*answer))),
    "gzip": spoiled(packed),
    "wrong range": spoiled(moved_range),
    "larger": spoiled(other_size(7)),
    "smaller": spoiled(other_size(-1)),
    "size of 2^64": spoiled(lambda status, headers, body: (status, replaced(
        headers, content_range="bytes 0-9/18446744073709551616"), body)),
    "several ranges": spoiled(lambda status, headers, body: (206, replaced(
        headers, content_range=None, content_type="multipart/byteranges; boundary=x"), body)),
    "moved file": spoiled(other_etag),
    "endless": always(Answer(200, endless)),
    "empty": always(Answer(200, b"")),
    "204": always(Answer(200, raw(b"HTTP/1.1 204 No Content\r\n\r\n"))),
    "304 that nobody asked for": always(Answer(200, raw(b"HTTP/1.1 304 Not Modified\r\n\r\n"))),
    "no http": always(Answer(200, raw(b"220 mail.example.org ESMTP\r\n"))),
    "html": always(HTML),
    "404 and html": always(Answer(404, b"<html>", [("Content-Type", "text/html")])),
    "pointer": always(Answer(200, POINTER, [("Content-Type", "text/plain")])),
    "401": always(Answer(401)),
    "403": always(Answer(403)),
    "404": always(Answer(404)),
    "416": always(Answer(416, b"", [("Content-Range", "bytes */3")])),
    "loop": lambda request, _: Answer(302, b"", [("Location", request.target)]),
    "redirect to nowhere": always(Answer(302)),
    "redirect to a file": always(Answer(302, b"", [("Location", "file:///etc/passwd")])),
    "redirect with a password": always(Answer(302, b"", [("Location", "http://me:secret@127.0.0.1:9/x")])),
    "smuggled header": always(Answer(200, raw(b"HTTP/1.1 302 Found\r\nLocation: /x\rX-Evil: y\r\nContent-Length: 0\r\n\r\n"))),
    "long header": always(Answer(200, raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * (1 << 20) + b"\r\n\r\n"))),
    "headers without end": always(Answer(200, lambda handler, request: endless_headers(handler, request))),
    "continue without end": always(Answer(200, lambda handler, request: endless_headers(handler, request, b"HTTP/1.1 100 Continue\r\n\r\n"))),
    "two lengths": spoiled(lambda status, headers, body: (status, [*headers, ("Content-Length", "7")], body)),
    "negative length": spoiled(lambda status, headers, body: (status, replaced(headers, content_length="-7"), body)),
}
PASSING = ["hang up", "cut", "429", "429 with a date", "503", "500 and html", "no length"]


def endless_headers(handler, request, line=b"X-More: " + b"x" * 1000 + b"\r\n"):
    request.status = 200
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n" if line.startswith(b"X") else b"")
    handler.close_connection = True
    for _ in range(1 << 20):
        handler.write(request, line)


class NthRequest:
    """A fault at the n-th request to any of some servers, `times` times."""

    def __init__(self, servers, fault_name, number, times=1):
        self.answer, self.number, self.times = FAULTS[fault_name], number, times
        self.count, self.lock = 0, threading.Lock()
        for server in servers:
            server.faults.append(lambda request, server=server: self.meet(server, request))

    def meet(self, server, request):
        with self.lock:
            self.count += 1
            met = self.number <= self.count < self.number + self.times
        return self.answer(request, server.answer(request)) if met else None


# --- The Hub


class Cdn(Server):
    """Where large files lie: by content, at addresses that the Hub signs."""

    def __init__(self, latency=0.0):
        super().__init__("cdn", latency)
        self.contents = {}
        self.signed, self.expired = 0, 0  # addresses that were handed out; how many of the first are refused

    def sign(self):
        with self.lock:
            self.signed += 1
            return f"Expires=1795600000&Policy=eyJ9&Signature=abc{self.signed}&Key-Pair-Id=K2"

    def answer(self, request):
        content = self.contents.get(request.path.rsplit("/", 1)[-1])
        if content is None:
            return Answer(404)
        signature = request.query.get("Signature", [""])[0].removeprefix("abc")
        if not signature or int(signature or 0) <= self.expired:
            return Answer(403, b"<Error><Code>AccessDenied</Code></Error>", [("Content-Type", "application/xml")])
        return Answer(200, content, [("ETag", f'"{content.sha1}"'), ("Accept-Ranges", "bytes")])


class Hub(Server):
    """`repositories`: {"ORG/NAME": {"revision": {path: Content}}} with a COMMIT for each revision."""

    def __init__(self, latency=0.0):
        super().__init__("hub", latency)
        self.cdn = Cdn(latency)
        self.repositories, self.commits = {}, {}
        self.gated, self.private, self.renamed = set(), set(), {}
        self.token, self.unlisted = "hf_right", "hf_unlisted"
        self.page = 1000
        self.small = (".json", ".txt", ".md", ".jinja", ".py", ".model")

    def add(self, name, files, revision="main", commit=COMMIT):
        self.repositories.setdefault(name, {})[revision] = files
        self.repositories[name][commit] = files
        self.commits[name, revision] = self.commits[name, commit] = commit
        for content in files.values():
            self.cdn.contents[content.sha256] = content

    def stop(self):
        self.cdn.stop()
        super().stop()

    def error(self, status, code, message):
        headers = [("X-Error-Code", code)] if code else []
        return Answer(status, json.dumps({"error": message}).encode(),
                      [*headers, ("X-Error-Message", message), ("Content-Type", "application/json")])

    def refuse(self, name, request):
        """Why nobody is let in; None for who is."""
        sent = request.headers.get("authorization")
        known = sent in (f"Bearer {self.token}", f"Bearer {self.unlisted}")
        if sent and not known and name not in self.gated:
            return self.error(401, "", "Invalid credentials in Authorization header")
        if name in self.gated and sent != f"Bearer {self.token}":
            return self.error(403 if known else 401, "GatedRepo", f"Access to model {name} is restricted.")
        if name not in self.repositories or (name in self.private and not sent):
            return self.error(404 if sent else 401, "RepoNotFound" if sent else "", "Repository not found")
        return None

    def answer(self, request):
        path = urllib.parse.unquote(request.path)
        match = re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/(.+)", path)
        if match:
            return self.tree(request, match[1], match[2])
        match = re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/(.+)", path)
        if match:
            return self.refuse(match[1], request) or self.revision(match[1], match[2])
        match = re.fullmatch(r"/api/resolve-cache/models/([^/]+/[^/]+)/([^/]+)/(.+)", path)
        if match and not re.fullmatch("[0-9a-f]{40}", match[2]):
            return self.error(400, "", "a commit is needed here")
        if match:
            return self.refuse(match[1], request) or self.small_file(match[1], match[2], match[3])
        match = re.fullmatch(r"/([^/]+/[^/]+)/raw/([^/]+(?:/pr/\d+)?)/(.+)", path)
        if match:
            return self.refuse(match[1], request) or self.raw(*match.groups())
        match = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+(?:/pr/\d+)?)/(.+)", path)
        if match:
            return self.file(request, *match.groups())
        return Answer(404, b"Not Found", [("Content-Type", "text/plain")])

    def revision(self, name, revision):
        if (name, revision) not in self.commits:
            return self.error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        siblings = [{"rfilename": path} for path in self.repositories[name][revision]]
        return Answer(200, json.dumps({"id": name, "sha": self.commits[name, revision], "private": name in self.private,
                                       "gated": "auto" if name in self.gated else False, "siblings": siblings}).encode(),
                      [("Content-Type", "application/json; charset=utf-8")])

    def raw(self, name, revision, path):
        """What git holds: of a large file its pointer."""
        content = self.repositories[name].get(revision, {}).get(path)
        if content is None:
            return self.error(404, "EntryNotFound", "Entry not found")
        if path.endswith(self.small):
            return Answer(200, content, [("Content-Type", "text/plain")])
        return Answer(200, f"version https://git-lfs.github.com/spec/v1\noid sha256:{content.sha256}\nsize {content.size}\n".encode())

    def tree(self, request, name, revision):
        if name in self.renamed:
            return Answer(307, b"", [("Location", request.target.replace(name, self.renamed[name]))])
        refused = self.refuse(name, request)
        if refused:
            return refused
        files = self.repositories[name].get(revision)
        if files is None:
            return self.error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        entries = [{"type": "directory", "oid": "9" * 40, "size": 0, "path": folder}
                   for folder in sorted({os.path.dirname(path) for path in files} - {""})]
        for path, content in sorted(files.items()):
            entry = {"type": "file", "oid": content.sha1, "size": content.size, "path": path}
            if not path.endswith(self.small):
                entry["lfs"] = {"oid": content.sha256, "size": content.size, "pointerSize": 135}
            entries.append(entry)
        start = int(request.query.get("cursor", ["0"])[0])
        headers = [("Content-Type", "application/json; charset=utf-8"), ("X-Repo-Commit", self.commits[name, revision]),
                   ("RateLimit", '"api";r=498;t=211'), ("RateLimit-Policy", '"fixed window";"api";q=500;w=300')]
        if start + self.page < len(entries):
            headers.append(("Link", f'<{self.url}{request.path}?recursive=true&expand=false&cursor={start + self.page}>; rel="next"'))
        return Answer(200, json.dumps(entries[start:start + self.page]).encode(), headers)

    def small_file(self, name, commit, path):
        content = self.repositories[name].get(commit, {}).get(path)
        if content is None:
            return Answer(404)
        return Answer(200, content, [("ETag", f'"{content.sha1}"'), ("X-Repo-Commit", commit), ("Content-Type", "text/plain")])

    def file(self, request, name, revision, path):
        if name in self.renamed:
            return Answer(307, b"", [("Location", request.target.replace(name, self.renamed[name]))])
        refused = self.refuse(name, request)
        if refused:
            return refused
        files = self.repositories[name].get(revision)
        if files is None:
            return self.error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        commit = self.commits[name, revision]
        if path in files and request.headers.get("if-none-match") == f'"{files[path].sha256}"':
            return Answer(304, b"", [("X-Repo-Commit", commit)])
        if path not in files:
            answer = self.error(404, "EntryNotFound", "Entry not found")
            answer.headers.append(("X-Repo-Commit", commit))
            return answer
        content = files[path]
        if path.endswith(self.small):
            return Answer(307, b"Temporary Redirect", [
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Location", f"/api/resolve-cache/models/{name}/{commit}/{urllib.parse.quote(path)}?etag=%22{content.sha1}%22")])
        return Answer(302, b"Found", [
            ("Location", f"{self.cdn.url}/xet-bridge-us/0123/{content.sha256}?X-Xet-Cas-Uid=public&{self.cdn.sign()}"),
            ("X-Repo-Commit", commit), ("X-Linked-Size", str(content.size)), ("X-Linked-ETag", f'"{content.sha256}"'),
            ("Accept-Ranges", "bytes"),
            ("Link", f'<{self.url}/api/models/{name}/xet-read-token/{commit}>; rel="xet-auth"')])


# --- Ollama


class Ollama(Server):
    """`models`: {("library/tiny", "latest"): (manifest, {digest: Content})}."""

    def __init__(self, latency=0.0):
        super().__init__("ollama", latency)
        self.storage = Cdn(latency)
        self.storage.label = "ollama storage"
        self.models = {}

    def add(self, name, tag, layers, config=b"{}"):
        """`layers`: (kind, Content, name or None)."""
        blobs, listed = {}, []
        for kind, content, layer_name in layers:
            digest = f"sha256:{content.sha256}"
            blobs[digest] = content
            row = {"mediaType": f"application/vnd.ollama.image.{kind}", "digest": digest, "size": content.size}
            listed.append({**row, "name": layer_name} if layer_name else row)
        config = Content(config)
        blobs[f"sha256:{config.sha256}"] = config
        manifest = {"schemaVersion": 2, "layers": listed,
                    "config": {"digest": f"sha256:{config.sha256}", "size": config.size}}
        self.models[name, tag] = (manifest, blobs)
        for content in blobs.values():
            self.storage.contents[content.sha256] = content

    def stop(self):
        self.storage.stop()
        super().stop()

    def answer(self, request):
        if not re.match(r"ollama/\S+ \(\S+ \S+\) Go/", request.headers.get("user-agent", "")):
            return Answer(412, b"upgrade")
        match = re.fullmatch(r"/v2/([^/]+/[^/]+)/(manifests|blobs)/(.+)", request.path)
        if not match:
            return Answer(404)
        name, kind, rest = match.groups()
        if kind == "manifests":
            model = self.models.get((name, rest))
            return Answer(200, json.dumps(model[0]).encode()) if model else Answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
        if not any(rest in blobs for (model, _), (_, blobs) in self.models.items() if model == name):
            return Answer(404)
        return Answer(307, b"", [("Location", f"{self.storage.url}/docker/{rest.removeprefix('sha256:')}?{self.storage.sign()}")])


# --- ModelScope


class ModelScope(Server):
    def __init__(self, latency=0.0):
        super().__init__("modelscope", latency)
        self.token, self.private = "ms-right", set()
        self.storage = Cdn(latency)
        self.storage.label = "modelscope storage"
        self.repositories = {}

    def add(self, name, files):
        self.repositories[name] = files
        for content in files.values():
            self.storage.contents[content.sha256] = content

    def stop(self):
        self.storage.stop()
        super().stop()

    def is_let_in(self, name, request):
        sent = request.headers.get("authorization") == f"Bearer {self.token}"
        return name not in self.private or (sent and f"m_session_id={self.token}" in request.headers.get("cookie", ""))

    def answer(self, request):
        match = re.fullmatch(r"/api/v1/models/([^/]+/[^/]+)/repo/files", request.path)
        if match and not self.is_let_in(match[1], request):
            return Answer(401, json.dumps({"Code": 10010205001, "Success": False, "Message": "no right"}).encode())
        if match:
            files = self.repositories.get(match[1])
            if files is None:
                return Answer(200, json.dumps({"Code": 404, "Success": False, "Message": "not found"}).encode())
            rows = [{"Name": os.path.basename(path), "Path": path, "Type": "blob", "Size": content.size,
                     "Sha256": content.sha256, "Revision": COMMIT} for path, content in sorted(files.items())]
            rows.append({"Name": "fig", "Path": "fig", "Type": "tree", "Size": 0})
            return Answer(200, json.dumps({"Code": 200, "Success": True, "Data": {"Files": rows}}).encode())
        match = re.fullmatch(r"/models/([^/]+/[^/]+)/resolve/[^/]+/(.+)", urllib.parse.unquote(request.path))
        content = match and self.repositories.get(match[1], {}).get(match[2])
        if not content or not self.is_let_in(match[1], request):
            return Answer(404)
        return Answer(302, b"", [("Location", f"{self.storage.url}/oss/{content.sha256}?{self.storage.sign()}")])


# --- S3


class S3(Server):
    """`buckets`: {name: {key: Content}}; those in `public` need no signature. Checks Signature Version 4."""
    KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

    def __init__(self, latency=0.0):
        super().__init__("s3", latency)
        self.buckets, self.public, self.regions = {}, set(), {}
        self.session_token = None
        self.clock = 0  # seconds that it is ahead
        self.page = 1000

    def error(self, status, code, extra=""):
        return Answer(status, f"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{code}</Message>{extra}</Error>".encode(),
                      [("Content-Type", "application/xml")])

    def answer(self, request):
        bucket, _, key = urllib.parse.unquote(request.path.lstrip("/")).partition("/")
        if bucket not in self.buckets:
            return self.error(404, "NoSuchBucket")
        if bucket not in self.public or "authorization" in request.headers:
            refused = self.check_signature(request, self.regions.get(bucket, "us-east-1"))
            if refused:
                return refused
        if "list-type" in request.query:
            return self.list(request, bucket)
        content = self.buckets[bucket].get(key)
        if content is None:
            return self.error(404, "NoSuchKey")
        if request.range and request.range[0] >= content.size:
            answer = self.error(416, "InvalidRange", f"<ActualObjectSize>{content.size}</ActualObjectSize>")
            answer.headers.append(("Content-Range", f"bytes */{content.size}"))
            return answer
        return Answer(200, content, [("ETag", f'"{content.sha1[:32]}"'), ("Accept-Ranges", "bytes")])

    def check_signature(self, request, region):
        sent = request.headers.get("authorization", "")
        match = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?"
                             r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})", sent)
        if not match:
            return self.error(403, "AccessDenied")
        key, day, signed_region, names, signature = match.groups()
        if key != self.KEY:
            return self.error(403, "InvalidAccessKeyId")
        if signed_region != region:
            answer = self.error(400, "AuthorizationHeaderMalformed", f"<Region>{region}</Region>")
            answer.headers.append(("x-amz-bucket-region", region))
            return answer
        if "x-amz-content-sha256" not in names.split(";"):
            return self.error(400, "MissingSecurityHeader")
        sent_at = request.headers.get("x-amz-date", "")
        if not re.fullmatch(r"\d{8}T\d{6}Z", sent_at) or sent_at[:8] != day:
            return self.error(403, "AccessDenied")
        if abs(calendar.timegm(time.strptime(sent_at, "%Y%m%dT%H%M%SZ")) - time.time() - self.clock) > 900:
            return self.error(403, "RequestTimeTooSkewed")
        must = {"host", "x-amz-date"} | {name for name in request.headers if name.startswith("x-amz-")}
        if not must <= set(names.split(";")):
            return self.error(403, "AccessDenied")
        if self.session_token and request.headers.get("x-amz-security-token") != self.session_token:
            return self.error(400, "ExpiredToken")
        query = "&".join(f"{urllib.parse.quote(name, safe='-_.~')}={urllib.parse.quote(value, safe='-_.~')}"
                         for name, value in sorted(urllib.parse.parse_qsl(request.url.query, keep_blank_values=True)))
        path = urllib.parse.quote(urllib.parse.unquote(request.path), safe="/-_.~")
        headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names.split(";"))
        canonical = "\n".join([request.method, path, query, headers, names, request.headers["x-amz-content-sha256"]])
        scope = f"{day}/{region}/s3/aws4_request"
        to_sign = "\n".join(["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope,
                             hashlib.sha256(canonical.encode()).hexdigest()])
        secret = ("AWS4" + self.SECRET).encode()
        for part in (day, region, "s3", "aws4_request"):
            secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
        if hmac.new(secret, to_sign.encode(), hashlib.sha256).hexdigest() != signature:
            return self.error(403, "SignatureDoesNotMatch")
        return None

    def list(self, request, bucket):
        def escaped(text):
            return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
        prefix = request.query.get("prefix", [""])[0]
        deep = "delimiter" not in request.query
        keys = [key for key in sorted(self.buckets[bucket])
                if key.startswith(prefix) and (deep or "/" not in key[len(prefix):])]
        start = int(request.query.get("continuation-token", ["0"])[0].removeprefix("token/"))
        rows = "".join(f"<Contents><Key>{escaped(key)}</Key><ETag>&quot;{self.buckets[bucket][key].sha1[:32]}&quot;</ETag>"
                       f"<Size>{self.buckets[bucket][key].size}</Size></Contents>" for key in keys[start:start + self.page])
        more = start + self.page < len(keys)
        token = f"<NextContinuationToken>token/{start + self.page}</NextContinuationToken>" if more else ""
        return Answer(200, f'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
                           f'<Name>{bucket}</Name><IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}'
                           f'</ListBucketResult>'.encode(), [("Content-Type", "application/xml")])


# --- Any server


class Web(Server):
    """`files`: {"/path": Content}."""

    def __init__(self, latency=0.0):
        super().__init__("web", latency)
        self.files, self.ranges = {}, True

    def answer(self, request):
        content = self.files.get(urllib.parse.unquote(request.path))
        if content is None:
            return Answer(404, b"not here")
        etag = f'"{content.sha1}"'
        if request.headers.get("if-none-match") == etag:
            return Answer(304, b"", [("ETag", etag)])
        return Answer(200, content, [("ETag", etag)], ranges=self.ranges)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--hub", metavar="ORG/NAME=FOLDER", action="append", default=[])
    parser.add_argument("--latency-ms", type=float, default=0)
    options = parser.parse_args()
    latency = options.latency_ms / 1000
    hub, scope, s3, web = Hub(latency), ModelScope(latency), S3(latency), Web(latency)
    s3.buckets["public"] = {}
    s3.public.add("public")
    named = [entry.split("=", 1) for entry in options.hub]
    if options.folder:
        named.append((f"acme/{os.path.basename(os.path.abspath(options.folder))}", options.folder))
    for name, folder in named:
        files = contents_of(folder)
        hub.add(name, files)
        scope.add(name, files)
        s3.buckets["public"].update({f"{name}/{path}": content for path, content in files.items()})
        web.files.update({f"/{name}/{path}": content for path, content in files.items()})
        print(f"# hf://{name}  ms://{name}  s3://public/{name}/  {web.url}/{name}/FILE")
    print(f"export HF_ENDPOINT={hub.url} MODELSCOPE_ENDPOINT={scope.url} AWS_ENDPOINT_URL_S3={s3.url}", flush=True)
    while True:
        time.sleep(1)
        for server in (hub, hub.cdn, scope, scope.storage, s3, web):
            with server.lock:
                done = [request for request in server.log if request.status]
                server.log = [request for request in server.log if not request.status]
            for request in done:
                print("#", server.label, request.method, request.target[:100], request.headers.get("range", ""), request.status,
                      request.sent, flush=True)


if __name__ == "__main__":
    main()
