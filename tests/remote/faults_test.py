#!/usr/bin/env python3
"""Servers that fail, lie or attack, at each of their requests: a report as of a local copy, or a sentence, and no third.

    faults_test.py WEIGH TESTDATA [CASE...]

Each function case_... is one property. The matrix runs every fault of server.FAULTS at every request of a question."""
import collections
import concurrent.futures
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time

import server as play
from server import Answer, Content, NthRequest, fault

WEIGH, TESTDATA = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
HUB_TOKEN, SCOPE_TOKEN = "hf_right", "ms-right"
AT_ONCE = 24  # most of them wait
MIB = 1 << 20
MOST_MEMORY = 400 * MIB
MOST_BYTES = 64 * MIB  # with five tries, and what lies in the buffers of a connection; sent for a question about some KiB
MOST_SECONDS = 45
FIRST_REQUESTS = 5  # of a question: where faults are tried

# Words that a sentence must hold, in any case.
SAYS = {
    "gated": ["gated", "accept", "terms", "HF_TOKEN"],
    "hub 401 of a token": ["refuses", "HF_TOKEN"],
    "scope 401": ["MODELSCOPE_API_TOKEN"],
    "s3 clock": ["clock"],
    "s3 slow down": ["503"],
    "expired for ever": ["127.0.0.1"],
    "rate limit": ["rate limit", "3600 s"],
    "budget": ["--max-download"],
    "cloud": ["cloud"],
    "pointer": ["pointer"],
}


class World:
    """All servers, with a home folder of its own for the program."""

    def __init__(self, **tokens):
        self.scratch = tempfile.TemporaryDirectory()
        self.home = self.scratch.name
        self.hub, self.ollama, self.scope = play.Hub(), play.Ollama(), play.ModelScope()
        self.s3, self.web = play.S3(), play.Web()
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": self.home, "XDG_CONFIG_HOME": "/nonexistent", "LC_ALL": "C.UTF-8",
            "XDG_CACHE_HOME": self.home + "/cache", "HF_HOME": self.home + "/hf", "NO_COLOR": "1",
            "HF_ENDPOINT": self.hub.url, "MODELSCOPE_ENDPOINT": self.scope.url, "AWS_ENDPOINT_URL_S3": self.s3.url,
            "AWS_ACCESS_KEY_ID": self.s3.KEY, "AWS_SECRET_ACCESS_KEY": self.s3.SECRET, "AWS_REGION": "us-east-1",
            "HF_TOKEN": HUB_TOKEN, "MODELSCOPE_API_TOKEN": SCOPE_TOKEN, "HF_HUB_DOWNLOAD_TIMEOUT": "2", **tokens}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    @property
    def servers(self):
        return [self.hub, self.hub.cdn, self.ollama, self.ollama.storage, self.scope, self.scope.storage, self.s3, self.web]

    @property
    def requests(self):
        return [request for server in self.servers for request in server.log]

    def serve(self, name, files):
        """The same files on every server; the references to them, by the server's name."""
        self.hub.add(f"acme/{name}", files)
        self.scope.add(f"acme/{name}", files)
        self.s3.buckets.setdefault("models", {}).update({f"org/{name}/{path}": content for path, content in files.items()})
        self.web.files.update({f"/{name}/{path}": content for path, content in files.items()})

    def forget(self):
        for server in self.servers:
            server.reset()
        self.run("cache", "--clear", "--quiet")

    def run(self, *arguments, timeout=120, **variables):
        return subprocess.run([WEIGH, *arguments], capture_output=True, text=True, errors="backslashreplace",
                              stdin=subprocess.DEVNULL, timeout=timeout, cwd=self.home,
                              env={**self.environment, **variables})

    def close(self):
        for server in (self.hub, self.ollama, self.scope, self.s3, self.web):
            server.stop()
        self.scratch.cleanup()


def require(condition, message):
    if not condition:
        raise AssertionError(message)


def contents(*path):
    with open(os.path.join(TESTDATA, *path), "rb") as file:
        return Content(file.read())


def parsed(run):
    try:
        return json.loads(run.stdout)
    except ValueError:
        raise AssertionError(f"no JSON: status {run.returncode}, {run.stdout[:200]!r} {run.stderr[:500]!r}") from None


def comparable(value, *places):
    """Models of a report without places, and without the names and commands that are made of them."""
    text = json.dumps(value["models"])
    for place in sorted(places, key=len, reverse=True):
        text = text.replace(place, "PLACE")
    models = json.loads(text)
    for model in models:
        model["name"] = None
        model["path"] = model["path"].rstrip("/")
        for fit in model["fit"]:
            fit["command"] = None
        for file in model["files"]:
            file["path"] = os.path.basename(file["path"])
    return models


CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f\u0080-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def require_sentences(run, most=1):
    """Sentences of the program and nothing else: no signal, no exception's text, no control bytes of a server's."""
    require(run.returncode == 1, f"status {run.returncode}: {run.stdout[:200]!r} {run.stderr[:500]!r}")
    lines = run.stderr.splitlines()
    require(1 <= len(lines) <= most, f"{len(lines)} lines: {run.stderr[:800]!r}")
    for line in lines:
        require(line.startswith("weigh: ") and len(line) < 1200, f"no sentence: {line[:1500]!r}")
        for word in ("terminate", "what():", "exception", "std::", "Traceback", "json."):
            require(word not in line, f"{word} in {line!r}")
    control = CONTROL.search(run.stderr)
    require(not control, f"control bytes: {run.stderr[:400]!r}")


def require_says(run, what):
    require_sentences(run)
    for word in SAYS[what]:
        require(word.lower() in run.stderr.lower(), f"{what}: no {word!r} in {run.stderr!r}")


# --- Where tokens may go


def leaks(world):
    """Requests that hold what is for another server."""
    keys = (world.s3.SECRET, world.s3.KEY)
    found = []
    for server in world.servers:
        for request in server.log:
            text = request.target + "\n" + "\n".join(f"{name}: {value}" for name, value in request.headers.items())
            wrong = [word for word, home in ((HUB_TOKEN, "hub"), (SCOPE_TOKEN, "modelscope"), *((key, "s3") for key in keys))
                     if word in text and server.label != home]
            if server.label not in ("hub", "modelscope", "s3"):
                wrong += [name for name in ("authorization", "cookie", "x-amz-security-token", "x-amz-date") if name in request.headers]
            if world.s3.SECRET in text:
                wrong.append("the secret itself")
            found += [f"{server.label} got {word}: {request.target[:80]}" for word in wrong]
    return found


def case_tokens_of_all_servers(world):
    """All tokens are set; each server is asked, and sends elsewhere."""
    world.serve("tiny", {"v3.gguf": contents("gguf/good/v3.gguf"), "config.json": Content(b"{}")})
    world.ollama.add("library/tiny", "latest", [("model", contents("gguf/good/v3.gguf"), None)])
    references = ["hf://acme/tiny", "ms://acme/tiny", "s3://models/org/tiny/v3.gguf", f"{world.web.url}/tiny/v3.gguf",
                  f"ollama://127.0.0.1:{world.ollama.server_address[1]}/library/tiny"]
    world.environment["AWS_SESSION_TOKEN"] = "session-of-mine"
    with open(world.home + "/.netrc", "w") as file:
        file.write("machine 127.0.0.1 login me password of-netrc\n")
    for reference in references:
        world.forget()
        run = world.run(reference)
        require(run.returncode == 0, run.stderr)
        require(not leaks(world), f"{reference}: {leaks(world)}")
        require(not any("of-netrc" in str(r.headers) or "basic" in r.headers.get("authorization", "").lower()
                        for r in world.requests), ".netrc was used")
    # Every answer leads to another server: the token's own by another name, another port, one with a password in it.
    port = world.hub.server_address[1]
    places = [f"http://localhost:{port}/elsewhere", f"{world.web.url}/tiny/v3.gguf", f"http://me:pw@127.0.0.1:{world.web.server_address[1]}/x",
              f"//127.0.0.1:{world.web.server_address[1]}/tiny/v3.gguf", f"http://127.0.0.1:{port}@127.0.0.1:{world.web.server_address[1]}/x",
              f"http://127.0.0.1:{world.web.server_address[1]}/x?{port}", f"\\\\127.0.0.1:{world.web.server_address[1]}/x",
              f"http:///127.0.0.1:{world.web.server_address[1]}/x", f"http:/\\127.0.0.1:{world.web.server_address[1]}/x"]
    for place in places:
        for status in (301, 302, 303, 307, 308):
            for reference, server in zip(references, (world.hub, world.scope, world.s3, world.web, world.ollama)):
                for contains in ("/api/", "/resolve/") if reference[:2] in ("hf", "ms") else ("/",):
                    if status != 302 and contains != "/api/":
                        continue
                    world.forget()
                    server.faults = [fault(contains, Answer(status, b"", [("Location", place)]),
                                           times=1 << 30 if contains == "/api/" else 1)]
                    run = world.run("--json", reference)
                    require(run.returncode in (0, 1), f"{reference} to {place}: {run.returncode} {run.stderr}")
                    require(not leaks(world), f"{reference} to {place}: {leaks(world)}")
                    if "localhost" in place:
                        named = [r for r in world.hub.log if "localhost" in r.headers.get("host", "") and "authorization" in r.headers]
                        require(not named, "another name of the host got the token")


def case_who_may_not(world):
    world.serve("tiny", {"v3.gguf": contents("gguf/good/v3.gguf"), "config.json": Content(b"{}")})
    world.hub.gated.add("acme/tiny")
    said = set()
    for token in ("", "hf_garbage", "hf_unlisted"):
        world.forget()
        run = world.run("hf://acme/tiny", HF_TOKEN=token)
        require_says(run, "gated")
        require(len(world.hub.log) == 1, f"asked {len(world.hub.log)} times")
        said.add(run.stderr)
    require(len(said) == 1, f"different sentences: {said}")
    require(world.run("hf://acme/tiny").returncode == 0, "who is on the list")
    world.hub.gated.clear()
    require_says(world.run("hf://acme/tiny", HF_TOKEN="hf_garbage"), "hub 401 of a token")
    world.scope.private.add("acme/tiny")
    world.forget()
    require(world.run("ms://acme/tiny").returncode == 0, "a private one of ModelScope")
    require_says(world.run("ms://acme/tiny", MODELSCOPE_API_TOKEN=""), "scope 401")
    world.s3.clock = 3600
    require_says(world.run("s3://models/org/tiny/v3.gguf"), "s3 clock")
    world.s3.clock = 0
    world.forget()
    world.s3.faults = [fault("", lambda _: world.s3.error(503, "SlowDown"), times=2)]
    require(world.run("s3://models/org/tiny/v3.gguf").returncode == 0, "SlowDown twice")
    world.forget()
    world.s3.faults = [fault("", lambda _: world.s3.error(503, "SlowDown"))]
    require_says(world.run("s3://models/org/tiny/v3.gguf"), "s3 slow down")
    world.ollama.add("library/cloud", "latest", [], json.dumps({"remote_host": "https://ollama.test", "remote_model": "big"}).encode())
    require_says(world.run(f"ollama://127.0.0.1:{world.ollama.server_address[1]}/library/cloud"), "cloud")


def case_expired_addresses(world):
    """The storage refuses the first address, at the first or at a later request."""
    keys = 400
    header = (b"GGUF" + (3).to_bytes(4, "little") + (0).to_bytes(8, "little") + keys.to_bytes(8, "little")
              + b"".join((5).to_bytes(8, "little") + b"k%04d" % i + (8).to_bytes(4, "little") + (1000).to_bytes(8, "little")
                         + b"v" * 1000 for i in range(keys)))
    world.serve("long", {"m.gguf": Content(header, 1_000_000)})
    truth = comparable(parsed(world.run("--json", "hf://acme/long/m.gguf")), "hf://acme/long")
    for scheme, storage in (("hf", world.hub.cdn), ("ms", world.scope.storage)):
        world.forget()
        storage.expired = storage.signed + 1
        run = world.run("--json", f"{scheme}://acme/long/m.gguf")
        require(comparable(parsed(run), f"{scheme}://acme/long") == truth, f"{scheme}: {run.stderr}")
        world.forget()
        storage.faults = [fault("", lambda request, storage=storage: setattr(storage, "expired", storage.signed), times=1, after=1)]
        run = world.run("--json", f"{scheme}://acme/long/m.gguf")
        require(parsed(run)["models"] and comparable(parsed(run), f"{scheme}://acme/long") == truth, f"{scheme}, later: {run.stderr}")
        world.forget()
        storage.expired = 1 << 60
        run = world.run(f"{scheme}://acme/long/m.gguf")
        require_says(run, "expired for ever")
        require(len(world.requests) < 12, f"{len(world.requests)} requests")
        storage.expired = 0


# --- The matrix

Question = collections.namedtuple("Question", "name files reference local")


def questions():
    sharded = play.contents_of(os.path.join(TESTDATA, "safetensors/good/sharded"))
    split = {name: contents("gguf/good", name) for name in os.listdir(os.path.join(TESTDATA, "gguf/good")) if name.startswith("split-0000")}
    return [
        Question("hub, sharded", sharded, "hf://acme/m", ""),
        Question("hub, GGUF", {"moe-merged.gguf": contents("gguf/good/moe-merged.gguf")}, "hf://acme/m", ""),
        Question("hub, split", split, "hf://acme/m/split-00002-of-00003.gguf", "split-00002-of-00003.gguf"),
        Question("modelscope", sharded, "ms://acme/m", ""),
        Question("s3", sharded, "s3://models/org/m/", ""),
        Question("s3, one file", {"v3.gguf": contents("gguf/good/v3.gguf")}, "s3://models/org/m/v3.gguf", "v3.gguf"),
        Question("web, GGUF", {"v3.gguf": contents("gguf/good/v3.gguf")}, "{web}/m/v3.gguf", "v3.gguf"),
        Question("web, sharded", sharded, "{web}/m/model-00002-of-00003.safetensors", "model-00002-of-00003.safetensors"),
        Question("ollama", {"model": contents("gguf/good/v3.gguf")}, "ollama://{ollama}/library/m", None),
    ]


def require_right(models, truth, run):
    """The true report; or one that says, in a finding more or a sentence, what is missing."""
    if models == truth:
        return
    more = findings(models) - findings(truth)
    require(more or run.stderr, f"another report, and no word of why: {what_differs(models, truth)}")


def findings(models):
    return {(finding["code"], finding["message"]) for model in models for finding in model["findings"]}


def what_differs(models, truth):
    if len(models) != len(truth):
        return f"{len(models)} models for {len(truth)}"
    return ", ".join(sorted(key for a, b in zip(models, truth) for key in a if a[key] != b.get(key)))


def ask_with_faults(question, fault_names, forever):
    """Every fault at each of the first requests; what went wrong."""
    problems = []
    world = World()
    try:
        world.serve("m", question.files)
        world.ollama.add("library/m", "latest", [("model", content, None) for content in question.files.values()][:1])
        reference = question.reference.format(web=world.web.url, ollama=f"127.0.0.1:{world.ollama.server_address[1]}")
        places = (reference.rstrip("/"), reference.rsplit("/", 1)[0])
        first = world.run("--json", reference)
        truth = comparable(parsed(first), *places)
        if question.local is not None:
            folder = os.path.join(world.home, "here")
            for path, content in question.files.items():
                os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
                with open(os.path.join(folder, path), "wb") as file:
                    file.write(content.part(0, content.size))
            local = os.path.join(folder, question.local) if question.local else folder
            here = comparable(parsed(world.run("--json", local)), local, folder)
            if here != truth:
                problems.append(f"{question.name}: differs from the local one without any fault")
        count = len(world.requests)
        for name in fault_names:
            for number in range(1, min(count, 2 if forever else FIRST_REQUESTS) + 1):
                world.forget()
                NthRequest(world.servers, name, number, 1 << 30 if forever else 1)
                where = f"{question.name}, {name} at request {number} of {count}{' and ever after' if forever else ''}"
                begin = time.time()
                try:
                    run = world.run("--json", reference, timeout=MOST_SECONDS + 60)
                    document = parsed(run)
                    if document["models"]:
                        require_right(comparable(document, *places), truth, run)
                    else:
                        require_sentences(run)
                        require(forever or name not in play.PASSING, f"was to pass: {run.stderr.strip()}")
                    sent = sum(request.sent for request in world.requests)
                    require(sent < MOST_BYTES, f"{sent} bytes were sent")
                    require(not leaks(world), str(leaks(world)))
                    seconds = time.time() - begin
                    require(seconds < MOST_SECONDS, f"{seconds:.0f} s")
                except subprocess.TimeoutExpired:
                    problems.append(f"{where}: no end")
                except AssertionError as error:
                    problems.append(f"{where}: {error}")
    finally:
        world.close()
    return problems


def matrix(forever):
    names = list(play.FAULTS)
    jobs = [(question, names[start::8], forever) for question in questions() for start in range(8)]
    problems = []
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for found in pool.map(lambda job: ask_with_faults(*job), jobs):
            problems += found
    require(not problems, f"{len(problems)} problems\n    " + "\n    ".join(problems))


def case_matrix_once(world):
    matrix(False)


def case_matrix_for_ever(world):
    matrix(True)


# --- What servers write ends on somebody's terminal

EVIL = "a\x1b]0;title\x07\x1b[2Jb\u202ec\x7f"


def case_nothing_of_a_server_reaches_the_terminal_raw(world):
    world.serve("tiny", {"v3.gguf": contents("gguf/good/v3.gguf")})
    raw = EVIL.encode()
    escaped = json.dumps({"error": EVIL + "\n\r\nweigh: all is well"}).encode()
    hub = [
        Answer(400, b"", [("X-Error-Message", EVIL.encode().decode("latin-1"))]),
        Answer(400, escaped), Answer(403, escaped), Answer(403, json.dumps({"error": "disabled " + EVIL}).encode()),
        Answer(401, b"", [("X-Error-Message", "Invalid credentials \x1b[2J")]),
        Answer(302, b"", [("Location", "/api/models/acme/x%1b%5b2Jy%0Aweigh%3A%20ok/tree/main")]),
        Answer(302, b"", [("Location", "http://a\x1b[2Jb/")]),
        Answer(200, json.dumps([{"type": "file", "path": EVIL + ".gguf", "size": 3}]).encode()),
        Answer(200, json.dumps([{"type": "file", "path": "x\u202efugg.gguf", "size": 3}]).encode()),
        Answer(200, b'[{"type":"file","path":"' + b"\xff\xfe\xc2\x9b" + b'.gguf","size":3}]'),
        Answer(200, b"[]", [("X-Repo-Commit", "\x1b[2J")]), Answer(200, b"{" + raw),
    ]
    for number, answer in enumerate(hub):
        world.forget()
        world.hub.faults = [fault("/tree/", answer, times=1)]
        require_clean(world.run("hf://acme/tiny"), f"hub {number}")
    world.forget()
    world.scope.faults = [fault("/api/", Answer(200, json.dumps({"Code": 500, "Message": EVIL + "\nweigh: ok"}).encode()))]
    require_clean(world.run("ms://acme/tiny"), "modelscope")
    for number, text in enumerate((f"<Error><Code>{EVIL}</Code><Message>{EVIL}</Message></Error>",
                                   "<Error><Code>X</Code><Message>a&#27;[2J&#10;weigh: ok</Message></Error>",
                                   "<Error><Code>X&#x1b;[2J</Code><Message></Message></Error>")):
        world.forget()
        world.s3.faults = [fault("", Answer(400, text.encode()))]
        require_clean(world.run("s3://models/org/tiny/"), f"s3 {number}")
    world.forget()
    key = "org/tiny/a&#27;[2J.gguf"
    page = f"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>{key}</Key><Size>3</Size></Contents></ListBucketResult>"
    world.s3.faults = [fault("list-type", Answer(200, page.encode()))]
    require_clean(world.run("s3://models/org/tiny/"), "a key of S3")
    for tag in ("model", "tensor"):
        world.forget()
        manifest = {"layers": [{"mediaType": "application/vnd.ollama.image." + tag, "digest": "sha256:" + "a" * 64, "size": 9,
                                "name": EVIL}], "config": {"digest": "sha256:" + "b" * 64}}
        world.ollama.faults = [fault("manifests", Answer(200, json.dumps(manifest).encode()))]
        require_clean(world.run(f"ollama://127.0.0.1:{world.ollama.server_address[1]}/library/m"), f"ollama {tag}")


def require_clean(run, what):
    require(run.returncode in (0, 1), f"{what}: status {run.returncode} {run.stderr!r}")
    for stream in (run.stdout, run.stderr):
        require(not CONTROL.search(stream), f"{what}: control bytes: {stream[:300]!r}")
    require(not any(line.startswith(("weigh: ok", "weigh: all is")) for line in run.stderr.splitlines()), f"{what}: forged: {run.stderr!r}")


# --- Lists that lie


def entry(path, size, **more):
    return {"type": "file", "oid": "a" * 40, "path": path, "size": size, **more}


def case_evil_lists(world):
    """A bounded run and a sentence, or a list of which the odd part is not taken; never a file outside, never a crash."""
    good = contents("gguf/good/v3.gguf")
    world.serve("tiny", {"v3.gguf": good})
    mine = entry("v3.gguf", good.size)
    pages = {
        "up": [mine, entry("../x.gguf", 9)], "up later": [mine, entry("a/../../x.gguf", 9)], "absolute": [mine, entry("/etc/x.gguf", 9)],
        "backslashes": [mine, entry("..\\x.gguf", 9)], "empty": [mine, entry("", 9)], "dot": [mine, entry(".", 9)],
        "slashes": [mine, entry("a//b.gguf", 9)], "zero": [mine, entry("a\0b.gguf", 9)], "line": [mine, entry("a\nb.gguf", 9)],
        "long name": [mine, entry("x" * 100_000 + ".gguf", 9)], "deep folder": [mine, entry("a/" * 20_000 + "x.gguf", 9)],
        "twice": [mine, mine, entry("v3.gguf", 7)], "a file and a folder": [mine, entry("v3.gguf/x.gguf", 9)],
        "2^63": [entry("v3.gguf", 1 << 63)], "2^64": [entry("v3.gguf", 1 << 64)], "negative": [entry("v3.gguf", -1)],
        "fraction": [entry("v3.gguf", 1.5)], "words": [entry("v3.gguf", "many")], "null": [entry(None, None)], "no size": [{"type": "file", "path": "v3.gguf"}],
        "numbers": [1, 2, 3], "nulls": [None, [], {}], "odd lfs": [entry("v3.gguf", good.size, lfs=7)],
        "odd digest": [entry("v3.gguf", good.size, lfs={"oid": "../../x", "size": 1})], "odd type": [entry("v3.gguf", good.size), {"type": 7}],
        "2^63 of zeros": [entry("model.safetensors", (1 << 63) - 1)],
        "a sum over 2^64": [entry(f"model-{i:05}-of-00004.safetensors", (1 << 63) + 5) for i in range(1, 5)],
        "a million of parts": [entry("model-00001-of-99999.safetensors", 9)], "part 0 of 0": [entry("m-00000-of-00000.gguf", 9)],
        "many": [entry(f"{i}.gguf", 9) for i in range(3_000)], "many folders": [entry(f"{i}/x.txt", 9) for i in range(3_000)],
    }
    bodies = {name: json.dumps(page).encode() for name, page in pages.items()}
    bodies["a million"] = b"[" + b'{"type":"file","path":"x"},' * 1_000_000 + b"{}]"
    bodies["nested"] = b"[" * 4_000_000
    bodies["nested objects"] = b'[{"a":' * 500_000
    bodies["no UTF-8"] = b'[{"type":"file","path":"\xff\xfe.gguf","size":9}]'
    bodies["a lone surrogate"] = b'[{"type":"file","path":"\\ud800.gguf","size":9}]'
    bodies["a number of 10,000 digits"] = b'[{"type":"file","path":"v3.gguf","size":' + b"9" * 10_000 + b"}]"
    bodies["a mark at the front"] = b"\xef\xbb\xbf" + json.dumps([mine]).encode()
    problems = []
    for name, body in bodies.items():
        for command in (["--json"], ["audit", "--json"], ["scan", "--json"]):
            if command != ["--json"] and len(body) > 2_000_000 and name != "many":
                continue
            world.forget()
            world.hub.cdn.contents.clear()
            world.hub.faults = [fault("/tree/", Answer(200, body, [("X-Repo-Commit", play.COMMIT)]))]
            begin = time.time()
            try:
                run = measured(world, *command[:-1], "hf://acme/tiny", "--json")
                require(run.returncode in (0, 1), f"status {run.returncode}: {run.stderr[:300]!r}")
                require(not CONTROL.search(run.stderr), f"control bytes: {run.stderr[:300]!r}")
                require(run.memory < MOST_MEMORY, f"{run.memory >> 20} MiB of memory")
                require(len(run.stderr) < 8000 or name == "many", f"{len(run.stderr)} bytes of sentences")
                require(time.time() - begin < 30, f"{time.time() - begin:.0f} s")
                outside = [r.target for r in world.requests if "/../" in r.target or "//etc" in r.target or "%00" in r.target]
                require(not outside, f"asked for {outside}")
            except (AssertionError, subprocess.TimeoutExpired) as error:
                problems.append(f"{name}, {command[0]}: {error}")
    require(not problems, "\n    ".join(["", *problems]))


def measured(world, *arguments, timeout=60, **variables):
    """As World.run(), with the memory that it took at most."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen([WEIGH, *arguments], stdout=out, stderr=err, stdin=subprocess.DEVNULL,
                                 env={**world.environment, **variables},
                                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (timeout, timeout)))
        _, state, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(state)
        out.seek(0)
        err.seek(0)
        run = subprocess.CompletedProcess(arguments, child.returncode, out.read().decode(errors="backslashreplace"),
                                          err.read().decode(errors="backslashreplace"))
    run.memory = usage.ru_maxrss * 1024
    return run


def case_evil_lists_of_others(world):
    problems = []
    scope = {
        "up": [{"Path": "../x.gguf", "Type": "blob", "Size": 9}], "2^63": [{"Path": "x.gguf", "Type": "blob", "Size": 1 << 63}],
        "negative": [{"Path": "x.gguf", "Type": "blob", "Size": -1}], "no path": [{"Type": "blob"}], "words": ["x"],
        "a code of text": None,
    }
    for name, files in scope.items():
        body = {"Code": 200, "Data": {"Files": files}} if files else {"Code": "200", "Data": []}
        world.scope.faults = [fault("/api/", Answer(200, json.dumps(body).encode()))]
        problems += sane(world, f"modelscope, {name}", "ms://acme/tiny")
    world.scope.faults = [fault("/api/", Answer(200, b'{"Code":2000000000000000000000,"Data":[]}'))]
    problems += sane(world, "modelscope, a large code", "ms://acme/tiny")
    item = "<Contents><Key>{}</Key><Size>{}</Size></Contents>"
    lists = {
        "up": item.format("org/../x.gguf", 9), "2^64": item.format("org/x.gguf", 1 << 64), "negative": item.format("org/x.gguf", -1),
        "entities": item.format("org/&#0;&#99999999999999999999;&#x;&lt;&amp;amp;.gguf", 9), "no end": "<Contents><Key>org/x.gguf",
        "other prefix": item.format("elsewhere/x.gguf", 9), "nested": "<Contents>" * 300_000, "many": item.format("org/x.gguf", 9) * 100_000,
        "a bomb of entities": "<!DOCTYPE x [<!ENTITY a \"aaaa\">]>" + item.format("org/&a;.gguf", 9),
    }
    for name, inside in lists.items():
        page = f"<ListBucketResult><IsTruncated>false</IsTruncated>{inside}</ListBucketResult>"
        world.s3.faults = [fault("", Answer(200, page.encode()))]
        problems += sane(world, f"s3, {name}", "s3://models/org/")
    page = "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken></ListBucketResult>"
    world.s3.faults = [fault("", Answer(200, page.encode()))]
    problems += sane(world, "s3, the same page for ever", "s3://models/org/", asked=3)
    numbers = iter(range(1 << 30))
    world.s3.faults = [fault("", lambda _: Answer(200, page.replace(">x<", f">{next(numbers)}<").encode()))]
    problems += sane(world, "s3, other pages for ever", "s3://models/org/", asked=1100)
    world.s3.faults = [fault("", lambda _: Answer(400, b"<Error><Code>AuthorizationHeaderMalformed</Code></Error>",
                                                 [("x-amz-bucket-region", f"region-{next(numbers)}")]))]
    problems += sane(world, "s3, other regions for ever", "s3://models/org/", asked=4)
    world.s3.faults = [fault("", Answer(400, b"<Error><Code>AuthorizationHeaderMalformed</Code></Error>",
                                        [("x-amz-bucket-region", "evil.example/../x")]))]
    problems += sane(world, "s3, no region", "s3://models/org/", asked=4)
    digest = "sha256:" + "a" * 64
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": digest, "size": 9}
    manifests = {
        "no layers": {}, "layers of text": {"layers": "x"}, "numbers": {"layers": [1]}, "2^64": {"layers": [{**layer, "size": 1 << 64}]},
        "negative": {"layers": [{**layer, "size": -5}]}, "a digest that leads out": {"layers": [{**layer, "digest": "sha256:../../x"}]},
        "a short digest": {"layers": [{**layer, "digest": "sha256:aa"}]}, "no digest": {"layers": [{"mediaType": layer["mediaType"]}]},
        "many": {"layers": [layer] * 50_000}, "a list": [], "tensors": {"layers": [{**layer, "mediaType": "application/vnd.ollama.image.tensor",
                                                                                    "name": "../../x"}] * 3},
    }
    for name, manifest in manifests.items():
        world.ollama.faults = [fault("manifests", Answer(200, json.dumps(manifest).encode()))]
        problems += sane(world, f"ollama, {name}", f"ollama://127.0.0.1:{world.ollama.server_address[1]}/library/m")
    require(not problems, "\n    ".join(["", *problems]))


def sane(world, what, reference, asked=400):
    for server in world.servers:
        server.log = []
    world.run("cache", "--clear", "--quiet")
    begin = time.time()
    try:
        run = measured(world, reference)
        require_sentences(run, most=3)
        require(run.memory < MOST_MEMORY, f"{run.memory >> 20} MiB")
        require(time.time() - begin < 30, f"{time.time() - begin:.0f} s")
        require(len(world.requests) <= asked, f"{len(world.requests)} requests")
        require(not any("/../" in r.target for r in world.requests), "asked outside")
    except AssertionError as error:
        return [f"{what}: {error}"]
    return []


# --- Web servers that answer everything


def case_a_page_for_every_address(world):
    """Many servers answer an unknown address with 200 and a page: the side files that it is taken for are not there."""
    folder = os.path.join(TESTDATA, "safetensors/good/single")
    alone = os.path.join(world.home, "alone")
    os.makedirs(alone)
    with open(alone + "/model.safetensors", "wb") as file:
        file.write(contents("safetensors/good/single/model.safetensors").head)
    world.web.files = {"/m/model.safetensors": contents("safetensors/good/single/model.safetensors")}
    here = parsed(world.run("--json", alone + "/model.safetensors"))
    for page in (play.HTML, Answer(200, b"<html>", [("Content-Type", "text/html; charset=utf-8")]),
                 Answer(200, b"<p>File not found", [("Content-Type", "text/plain")])):
        world.forget()
        world.web.faults = [lambda request, page=page: None if request.path in world.web.files else page]
        run = world.run("--json", f"{world.web.url}/m/model.safetensors")
        a, b = comparable(parsed(run), f"{world.web.url}/m"), comparable(here, alone)
        require(a == b, f"{page.headers}: another report: {[m['findings'] for m in a]} {run.stderr}")
    require(os.path.isdir(folder), folder)


def case_small_files_that_cannot_be_read(world):
    """A config that is there and cannot be read is no config that is not there."""
    world.serve("m", play.contents_of(os.path.join(TESTDATA, "safetensors/good/single")))
    problems = []
    for name, reference in (("hub", "hf://acme/m"), ("modelscope", "ms://acme/m"), ("s3", "s3://models/org/m/"),
                            ("web", f"{world.web.url}/m/model.safetensors")):
        world.forget()
        truth = comparable(parsed(world.run("--json", reference)), reference.rstrip("/"), f"{world.web.url}/m")
        for status in (403, 404, 500, 503):
            world.forget()
            for server in (world.hub, world.scope, world.s3, world.web):
                server.faults = [fault("config.json", Answer(status))]
            run = world.run("--json", reference)
            models = comparable(parsed(run), reference.rstrip("/"), f"{world.web.url}/m")
            if name == "web" and status in (403, 404):  # what is not there, on many servers
                continue
            if models and models != truth and not any("config" in json.dumps(model["findings"]) for model in models):
                problems.append(f"{name}, {status}: another report, and no word of why: {run.stderr.strip()}")
    require(not problems, "\n    ".join(["", *problems]))


# --- A cache is no place for what others write


def case_a_cache_that_lies(world):
    """Entries that are cut, swapped or overwritten cost requests, not the report."""
    world.serve("m", play.contents_of(os.path.join(TESTDATA, "safetensors/good/sharded")))
    truth = world.run("--json", "hf://acme/m").stdout
    folder = parsed(world.run("cache", "--json"))["path"]
    names = sorted(name for name in os.listdir(folder) if name.endswith(".zst"))
    require(len(names) >= 4, str(names))
    bodies = {name: open(os.path.join(folder, name), "rb").read() for name in names}

    def put(change):
        for at, name in enumerate(names):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(change(at, bodies[name]))

    def flipped(at, body):
        body = bytearray(body)
        body[len(body) * 2 // 3] ^= 0x40
        return bytes(body)
    for what, change in (("swapped", lambda at, _: bodies[names[(at + 1) % len(names)]]), ("cut", lambda _, body: body[:len(body) // 2]),
                         ("empty", lambda *_: b""), ("flipped", flipped), ("one for all", lambda *_: bodies[names[0]]),
                         ("no snapshot", lambda *_: b"\x28\xb5\x2f\xfd" + bytes(50))):
        put(change)
        run = world.run("--json", "hf://acme/m")
        require(run.stdout == truth, f"{what}: {run.stderr or run.stdout[:300]}")
        put(change)
        run = world.run("--json", "--offline", "hf://acme/m")
        require(run.stdout == truth or run.returncode == 1, f"{what}, offline: another report")
        if run.returncode == 1:
            require_sentences(run)
    for name in names:  # folders and pipes in their place
        os.remove(os.path.join(folder, name))
        os.mkdir(os.path.join(folder, name)) if name < names[1] else os.mkfifo(os.path.join(folder, name))
    require(world.run("--json", "hf://acme/m", timeout=20).stdout == truth, "folders and pipes")
    for name in names:
        path = os.path.join(folder, name)
        os.rmdir(path) if os.path.isdir(path) else os.remove(path)
    for home in ("/dev/null", "/proc", "relative/folder"):
        run = world.run("--json", "hf://acme/m", XDG_CACHE_HOME=home)
        require(run.stdout == truth, f"a cache in {home}: {run.stderr}")


def case_many_at_once(world):
    """Programs that run side by side share a cache."""
    world.serve("m", play.contents_of(os.path.join(TESTDATA, "safetensors/good/sharded")))
    truth = world.run("--json", "hf://acme/m").stdout
    world.forget()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        runs = list(pool.map(lambda number: world.run(*(["cache", "--clear", "--quiet"] if number % 5 == 4 else ["--json", "hf://acme/m"])),
                             range(40)))
    for number, run in enumerate(runs):
        require(run.returncode == 0, f"{number}: {run.stderr}")
        require(number % 5 == 4 or run.stdout == truth, f"{number}: another report")


def case_a_batch_goes_on(world):
    world.serve("m", {"v3.gguf": contents("gguf/good/v3.gguf")})
    world.hub.faults = [fault("acme/bad", Answer(200, play.endless))]
    local = os.path.join(TESTDATA, "gguf/good/v2.gguf")
    run = world.run("--json", "hf://acme/bad", "hf://acme/none", "ms://acme/none", "s3://none/x.gguf", f"{world.web.url}/none.gguf",
                    "http://127.0.0.1:9/x.gguf", "hf://acme/m", local)
    document = parsed(run)
    require(len(document["models"]) == 2 and len(document["errors"]) == 6 and run.returncode == 1, run.stderr)
    require(len(run.stderr.splitlines()) == 7, run.stderr)  # and how many of how many


def case_offline_asks_nobody(world):
    world.serve("m", {"v3.gguf": contents("gguf/good/v3.gguf")})
    for reference in ("hf://acme/m", "ms://acme/m", "s3://models/org/m/", f"{world.web.url}/m/v3.gguf",
                      f"ollama://127.0.0.1:{world.ollama.server_address[1]}/library/m"):
        for command in ([], ["audit"], ["scan"], ["tensors"], ["metadata"], ["estimate", "--as", "Q4_K_M"], ["fit", "--on", "24GiB"]):
            run = world.run(*command[:1], reference, *command[1:], "--offline")
            require(run.returncode == 1 and "--offline" in run.stdout + run.stderr, f"{command}: {run.stdout} {run.stderr}")
    require(not world.requests, f"{len(world.requests)} requests")


def case_budget_of_a_command(world):
    """--max-download bounds what all files together cost, and answers that nobody asked for as well."""
    header = b"GGUF" + (3).to_bytes(4, "little") + (0).to_bytes(8, "little") + (1).to_bytes(8, "little") + (1).to_bytes(8, "little") + b"k" \
        + (8).to_bytes(4, "little") + (3_000_000).to_bytes(8, "little") + b"v" * 3_000_000
    world.serve("m", {f"{i}.gguf": Content(header, 5_000_000) for i in range(6)})
    run = world.run("hf://acme/m", "--max-download", "4MiB")
    require(run.returncode == 1 and "--max-download" in run.stderr, run.stderr)
    sent = sum(request.sent for request in world.requests)
    require(sent < 6 * MIB, f"{sent} bytes were sent")


def main():
    cases = {name[5:]: function for name, function in globals().items() if name.startswith("case_")}
    wanted, failed = sys.argv[3:], 0
    for name, case in cases.items():
        if wanted and not any(word in name for word in wanted):
            continue
        world = World()
        begin = time.time()
        try:
            case(world)
            print(f"ok    {name} ({time.time() - begin:.1f} s)", flush=True)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            failed += 1
            print(f"FAIL  {name} ({time.time() - begin:.1f} s): {error}", flush=True)
        finally:
            world.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
