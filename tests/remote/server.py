"""Servers that play the Hub, Ollama's registry, ModelScope, S3 and plain web servers, on loopback, as docs/sources.md has
them. Every request is logged with its headers; faults are switched on by a test. Two servers are two ports, which count as
two hosts.

By hand: server.py FOLDER [--latency-ms N] serves FOLDER as hf://acme/NAME and prints what to export."""
import argparse
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


HTML = Answer(200, b"<!DOCTYPE html><html><body>Please log in to the network</body></html>", [("Content-Type", "text/html")])
TOO_MANY = Answer(429, b"", [("RateLimit", '"api";r=0;t=1')])
UNAVAILABLE = Answer(503, b"busy")


# --- The Hub


class Cdn(Server):
    """Where large files lie: by content, at addresses that the Hub signs."""

    def __init__(self, latency=0.0):
        super().__init__("cdn", latency)
        self.contents = {}

    def answer(self, request):
        content = self.contents.get(request.path.rsplit("/", 1)[-1])
        if content is None:
            return Answer(404)
        if "Signature" not in request.query:
            return Answer(403)
        return Answer(200, content, [("ETag", f'"{content.sha1}"'), ("Accept-Ranges", "bytes")])


class Hub(Server):
    """`repositories`: {"ORG/NAME": {"revision": {path: Content}}} with a COMMIT for each revision."""

    def __init__(self, latency=0.0):
        super().__init__("hub", latency)
        self.cdn = Cdn(latency)
        self.repositories, self.commits = {}, {}
        self.gated, self.private, self.renamed = set(), set(), {}
        self.token = "hf_right"
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
        if sent and sent != f"Bearer {self.token}" and name not in self.gated:
            return self.error(401, "", "Invalid credentials in Authorization header")
        if name in self.gated and sent != f"Bearer {self.token}":
            return self.error(401, "GatedRepo", f"Access to model {name} is restricted.")
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
            return self.refuse(match[1], request) or Answer(200, json.dumps({"sha": self.commits[match[1], match[2]]}).encode())
        match = re.fullmatch(r"/api/resolve-cache/models/([^/]+/[^/]+)/([0-9a-f]{40})/(.+)", path)
        if match:
            return self.refuse(match[1], request) or self.small_file(match[1], match[2], match[3])
        match = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+(?:/pr/\d+)?)/(.+)", path)
        if match:
            return self.file(request, *match.groups())
        return Answer(404, b"Not Found", [("Content-Type", "text/plain")])

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
                   ("RateLimit", '"api";r=498;t=211')]
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
            ("Location", f"{self.cdn.url}/xet-bridge-us/0123/{content.sha256}?X-Xet-Cas-Uid=public&Expires=1795600000&Signature=abc"),
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
        return Answer(307, b"", [("Location", f"{self.storage.url}/docker/{rest.removeprefix('sha256:')}?Signature=abc")])


# --- ModelScope


class ModelScope(Server):
    def __init__(self, latency=0.0):
        super().__init__("modelscope", latency)
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

    def answer(self, request):
        match = re.fullmatch(r"/api/v1/models/([^/]+/[^/]+)/repo/files", request.path)
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
        if not content:
            return Answer(404)
        return Answer(302, b"", [("Location", f"{self.storage.url}/oss/{content.sha256}?Signature=abc")])


# --- S3


class S3(Server):
    """`buckets`: {name: {key: Content}}; those in `public` need no signature. Checks Signature Version 4."""
    KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

    def __init__(self, latency=0.0):
        super().__init__("s3", latency)
        self.buckets, self.public, self.regions = {}, set(), {}
        self.session_token = None
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
        if self.session_token and request.headers.get("x-amz-security-token") != self.session_token:
            return self.error(400, "ExpiredToken")
        query = "&".join(f"{urllib.parse.quote(name, safe='-_.~')}={urllib.parse.quote(value, safe='-_.~')}"
                         for name, value in sorted(urllib.parse.parse_qsl(request.url.query, keep_blank_values=True)))
        path = urllib.parse.quote(urllib.parse.unquote(request.path), safe="/-_.~")
        headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names.split(";"))
        canonical = "\n".join(["GET", path, query, headers, names, request.headers["x-amz-content-sha256"]])
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
    parser.add_argument("folder")
    parser.add_argument("--latency-ms", type=float, default=0)
    options = parser.parse_args()
    hub = Hub(options.latency_ms / 1000)
    name = os.path.basename(os.path.abspath(options.folder))
    hub.add(f"acme/{name}", contents_of(options.folder))
    print(f"export HF_ENDPOINT={hub.url}   # weigh hf://acme/{name}", flush=True)
    while True:
        time.sleep(5)
        for log in (hub, hub.cdn):
            with log.lock:
                for request in log.log:
                    print(log.label, request.method, request.target[:100], request.headers.get("range", ""), request.status, request.sent)
                log.log = []


if __name__ == "__main__":
    main()
