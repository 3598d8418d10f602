#!/usr/bin/env python3
"""The program against servers that play the Hub, Ollama, ModelScope, S3 and web servers (server.py).

    remote_test.py WEIGH TESTDATA [CASE...]"""
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import time

import server as play
from server import Answer, Content, fault

WEIGH, TESTDATA = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
FIRST_READ = 65536
TOKEN = "hf_right"


class World:
    """All servers, and a home folder of its own."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.home = self.folder.name
        self.hub, self.ollama, self.scope = play.Hub(), play.Ollama(), play.ModelScope()
        self.s3, self.web = play.S3(), play.Web()
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": self.home, "XDG_CONFIG_HOME": "/nonexistent", "LANG": "C.UTF-8",
            "HF_ENDPOINT": self.hub.url, "MODELSCOPE_ENDPOINT": self.scope.url, "AWS_ENDPOINT_URL_S3": self.s3.url,
        }

    @property
    def servers(self):
        return [self.hub, self.hub.cdn, self.ollama, self.ollama.storage, self.scope, self.scope.storage, self.s3,
                self.web]

    @property
    def requests(self):
        return [request for server in self.servers for request in server.log]

    def forget(self):
        """Logs and faults go, and with them what weigh keeps."""
        for server in self.servers:
            server.reset()
        subprocess.run([WEIGH, "cache", "--clear", "--quiet"], env=self.environment, check=True)

    def run(self, *arguments, timeout=60, **variables):
        return subprocess.run([WEIGH, *arguments], capture_output=True, text=True, timeout=timeout,
                              env={**self.environment, **variables})

    def close(self):
        for server in (self.hub, self.ollama, self.scope, self.s3, self.web):
            server.stop()
        self.folder.cleanup()


def good(*path):
    return os.path.join(TESTDATA, *path)


def file_content(*path):
    with open(good(*path), "rb") as file:
        return Content(file.read())


def parsed(run):
    try:
        return json.loads(run.stdout)
    except ValueError:
        raise AssertionError(f"no JSON: status {run.returncode}, {run.stdout[:200]!r}, {run.stderr[:500]!r}") from None


def without_places(value, *places):
    """The report with the names of places taken out, and commands, which name them too."""
    text = json.dumps(value)
    for place in sorted(places, key=len, reverse=True):
        text = text.replace(place, "PLACE")
    report = json.loads(text)
    for model in report.get("models", []):
        model["name"] = None
        for fit in model["fit"]:
            fit["command"] = None
    return report


def require(condition, message):
    if not condition:
        raise AssertionError(message)


def require_sentence(run, *words, status=1):
    """One sentence on the error stream that holds these words, and the status."""
    require(run.returncode == status, f"status {run.returncode}: {run.stdout[:200]!r} {run.stderr!r}")
    lines = run.stderr.splitlines()
    require(len(lines) == 1 and lines[0].startswith("weigh: "), f"not one sentence: {run.stderr!r}")
    for word in words:
        require(word.lower() in lines[0].lower(), f"no {word!r} in {lines[0]!r}")


def require_equal_reports(world, reference, local, places=()):
    there = parsed(world.run("--json", reference))
    here = parsed(world.run("--json", local))
    a = without_places(there, reference, *places)
    b = without_places(here, local, *([os.path.dirname(local)] if places else []))
    require(a == b, f"{reference} differs from {local}:\n{json.dumps(a)[:1500]}\n{json.dumps(b)[:1500]}")


# --- Equal to what lies here

CHECKPOINTS = ["sharded", "single", "sharded-no-index", "single-with-index", "index-leftover", "adapter",
               "consolidated-alone", "index-total-size-wrong", "sharded-mixed-digits", "bin-twin", "variant-beside", "index-names-extra-file"]


def case_checkpoints_equal_local(world):
    for name in CHECKPOINTS:
        folder = good("safetensors/good", name)
        files = play.contents_of(folder)
        world.hub.add(f"acme/{name}", files)
        world.scope.add(f"acme/{name}", files)
        world.s3.buckets["models"] = {f"org/{name}/{path}": content for path, content in files.items()}
        world.s3.public.add("models")
        for reference in (f"hf://acme/{name}", f"ms://acme/{name}", f"s3://models/org/{name}"):
            require_equal_reports(world, reference, folder)


def ggufs():
    return sorted(name for name in os.listdir(good("gguf/good")) if name.endswith(".gguf") and "-of-" not in name)


def case_files_equal_local(world):
    world.hub.add("acme/gguf", {name: file_content("gguf/good", name) for name in os.listdir(good("gguf/good"))})
    for name in ggufs():
        require_equal_reports(world, f"hf://acme/gguf/{name}", good("gguf/good", name))
    require_equal_reports(world, "hf://acme/gguf/split-00002-of-00003.gguf",
                          good("gguf/good/split-00002-of-00003.gguf"), places=["hf://acme/gguf"])


def case_broken_files_say_the_same(world):
    for kind in ("gguf/bad", "safetensors/bad", "other"):
        names = [name for name in os.listdir(good(kind))
                 if os.path.isfile(good(kind, name)) and not name.endswith(".zst")]
        world.hub.add("acme/bad", {name: file_content(kind, name) for name in names})
        for name in sorted(names)[::3]:
            there, here = world.run(f"hf://acme/bad/{name}"), world.run(good(kind, name))
            say = there.stderr.replace(f"hf://acme/bad/{name}", "FILE"), here.stderr.replace(good(kind, name), "FILE")
            require(there.returncode == here.returncode and say[0] == say[1], f"{name}: {say}")


def case_web_addresses_equal_local(world):
    folder = good("safetensors/good/single")
    world.web.files = {f"/some/{path}": content for path, content in play.contents_of(folder).items()}
    require_equal_reports(world, f"{world.web.url}/some/model.safetensors", folder + "/model.safetensors")
    folder = good("safetensors/good/sharded")
    world.web.files = {f"/sh/{path}": content for path, content in play.contents_of(folder).items()}
    for name in ("model-00002-of-00003.safetensors", "model.safetensors.index.json"):
        require_equal_reports(world, f"{world.web.url}/sh/{name}", f"{folder}/{name}", places=[f"{world.web.url}/sh"])


def case_ollama_equals_its_file(world):
    world.ollama.add("library/tiny", "1b", [("model", file_content("gguf/good/v3.gguf"), None),
                                            ("template", Content(b"{{ .Prompt }}"), None)])
    address = f"ollama://127.0.0.1:{world.ollama.server_address[1]}/library/tiny:1b"
    here = parsed(world.run("--json", good("gguf/good/v3.gguf")))["models"][0]
    there = parsed(world.run("--json", address))["models"][0]
    for key in ("parameters", "weights", "architecture", "findings"):
        require(here[key] == there[key], f"{key} differs: {there[key]}")
    require("tiny:1b" in there["name"], there["name"])
    require(not any("authorization" in request.headers for request in world.requests), "a token was sent")


def case_ollama_of_tensors(world):
    world.ollama.add("library/parts", "latest", [
        ("tensor", file_content("safetensors/good/sharded/model-00001-of-00003.safetensors"), "a"),
        ("tensor", file_content("safetensors/good/sharded/model-00002-of-00003.safetensors"), "b"),
        ("json", file_content("safetensors/good/sharded/config.json"), "config.json")])
    address = f"ollama://http://127.0.0.1:{world.ollama.server_address[1]}/library/parts"
    model = parsed(world.run("--json", address))["models"][0]
    require(model["architecture"]["name"] == "llama" and len(model["files"]) == 2, str(model["files"]))


# --- Requests, bytes, the cache


def case_second_question_costs_one_request(world):
    world.hub.add("acme/sharded", play.contents_of(good("safetensors/good/sharded")))
    first = world.run("--json", "hf://acme/sharded")
    world.hub.reset()
    world.hub.cdn.reset()
    second = world.run("--json", "hf://acme/sharded")
    require(second.stdout == first.stdout, "another report from the cache")
    require(len(world.requests) == 1, f"{len(world.requests)} requests")
    third = world.run("--json", "--offline", "hf://acme/sharded")
    require(third.stdout == first.stdout and len(world.requests) == 1, "offline asked, or said something else")
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        require(world.run("--json", "hf://acme/sharded", **{name: "Yes"}).stdout == first.stdout, name)
    require(len(world.requests) == 1, "offline asked")
    require_sentence(world.run("--offline", "hf://acme/other"), "cache", "--offline")
    world.web.files = {"/v3.gguf": file_content("gguf/good/v3.gguf")}
    first = world.run("--json", f"{world.web.url}/v3.gguf")
    world.web.reset()
    require(world.run("--json", f"{world.web.url}/v3.gguf").stdout == first.stdout, "another report from the cache")
    require([request.status for request in world.web.log] == [304], f"{[r.status for r in world.web.log]}")


def case_cache_is_shown_and_cleared(world):
    world.hub.add("acme/gguf", {"v3.gguf": file_content("gguf/good/v3.gguf")})
    world.run("hf://acme/gguf")
    listed = parsed(world.run("cache", "--json"))
    require(listed["schema"] == "weigh.cache/1", str(listed))
    require("hf://acme/gguf/v3.gguf" in [entry["source"] for entry in listed["entries"]], str(listed))
    folder = listed["path"]
    require(all(os.stat(os.path.join(folder, name)).st_mode & 0o077 == 0 for name in os.listdir(folder)), "others may read it")
    with open(os.path.join(folder, "mine.txt"), "w") as file:
        file.write("of the user")
    for name in os.listdir(folder):  # damaged entries are read again
        if name.endswith(".zst"):
            with open(os.path.join(folder, name), "r+b") as file:
                file.truncate(40)
    require(world.run("hf://acme/gguf").returncode == 0, "a damaged cache")
    require(world.run("cache", "--clear").returncode == 0, "cache --clear")
    require(os.listdir(folder) == ["mine.txt"], f"left: {os.listdir(folder)}")


def case_budgets(world):
    """Long headers: requests and bytes of each file."""
    words = b"".join(len(w).to_bytes(8, "little") + w for w in (b"w%d" % (i * 7919) for i in range(120_000)))

    def key(name, value):
        return len(name).to_bytes(8, "little") + name + value
    arrays = [key(b"general.architecture", (8).to_bytes(4, "little") + (5).to_bytes(8, "little") + b"llama"),
              key(b"tokenizer.ggml.tokens", (9).to_bytes(4, "little") + (8).to_bytes(4, "little") + (120_000).to_bytes(8, "little") + words),
              key(b"tokenizer.ggml.merges", (9).to_bytes(4, "little") + (8).to_bytes(4, "little") + (120_000).to_bytes(8, "little") + words)]
    header = b"GGUF" + (3).to_bytes(4, "little") + (0).to_bytes(8, "little") + len(arrays).to_bytes(8, "little") + b"".join(arrays)
    names = {f"model.layers.{i}.mlp.experts.{j}.up_proj.weight": {"dtype": "F16", "shape": [1], "data_offsets": [2 * (64 * i + j), 2 * (64 * i + j) + 2]}
             for i in range(60) for j in range(64)}
    text = json.dumps(names).encode()
    shard = len(text).to_bytes(8, "little") + text + bytes(2 * 60 * 64)
    world.hub.add("acme/long", {"words.gguf": Content(header, 5_000_000_000), "model.safetensors": Content(shard)})
    for name, most_requests, length in (("words.gguf", 4, len(header)), ("model.safetensors", 2, 8 + len(text))):
        world.hub.cdn.reset()
        run = world.run("--json", f"hf://acme/long/{name}")
        require(run.returncode in (0, 1) and parsed(run)["models"], run.stderr)
        sent = sum(request.sent for request in world.hub.cdn.log)
        require(len(world.hub.cdn.log) <= most_requests, f"{name}: {len(world.hub.cdn.log)} requests")
        require(sent <= 2 * length + FIRST_READ, f"{name}: {sent} bytes for a header of {length}")
    world.forget()
    require_sentence(world.run("--max-download", "1MiB", "hf://acme/long/words.gguf"), "--max-download")
    sent = sum(request.sent for request in world.requests)
    require(sent < 2 << 20, f"{sent} bytes were sent")
    require_sentence(world.run("--max-download", "many", "hf://acme/long/words.gguf"), "not a size", status=2)


def case_many_shards(world):
    """163 shards, 20 ms for each answer: the time is printed."""
    tensors = {f"model.layers.{i}.w": None for i in range(163)}
    files = {}
    for number, name in enumerate(tensors, 1):
        text = json.dumps({name: {"dtype": "BF16", "shape": [4, 4], "data_offsets": [0, 32]}}).encode()
        files[f"model-{number:05}-of-00163.safetensors"] = Content(len(text).to_bytes(8, "little") + text + bytes(32))
    files["config.json"] = Content(b'{"model_type": "llama"}')
    hub = play.Hub(latency=0.02)
    hub.add("acme/163", files)
    begin = time.time()
    run = world.run("--json", "hf://acme/163", HF_ENDPOINT=hub.url)
    seconds = time.time() - begin
    hub.stop()
    require(len(parsed(run)["models"][0]["files"]) == 163, "not all shards")
    require(len(hub.cdn.log) == 163, f"{len(hub.cdn.log)} requests")
    print(f"    163 shards at 20 ms: {seconds:.2f} s")
    require(seconds < 20, f"{seconds} s")


# --- Names, tokens, what the Hub says


def case_pasted_addresses(world):
    world.hub.add("acme/tiny", {"v3.gguf": file_content("gguf/good/v3.gguf"), "sub dir/v2.gguf": file_content("gguf/good/v2.gguf")})
    for route in ("blob/main/v3.gguf", "resolve/main/v3.gguf?download=true", "raw/main/v3.gguf#x", "blob/main/sub%20dir/v2.gguf"):
        path = route.split("main/")[1].split("?")[0].split("#")[0].replace("%20", " ")
        model = parsed(world.run("--json", f"{world.hub.url}/acme/tiny/{route}"))["models"][0]
        require(model["files"][0]["path"].endswith("hf://acme/tiny/" + path), str(model["files"]))
    require(parsed(world.run("--json", f"{world.hub.url}/acme/tiny/tree/main"))["models"], "tree")
    require_sentence(world.run("hf://model/acme/tiny"), "hf://")
    require_sentence(world.run("hf://gpt2"), "hf://ORG/NAME")
    require_sentence(world.run("hf://acme/../tiny/x"), "hf://ORG/NAME")
    require_sentence(world.run("acme/tiny"), "does not exist", "weigh hf://acme/tiny")
    require_sentence(world.run("https://user:secret@example.org/x.gguf"), "no plain web address")
    require_sentence(world.run("hf://acme/tiny/v4.gguf"), "no file 'v4.gguf'", "v3.gguf")


def case_revisions(world):
    old, new = file_content("gguf/good/v2.gguf"), file_content("gguf/good/moe-merged.gguf")
    world.hub.add("acme/tiny", {"m.gguf": new})
    world.hub.add("acme/tiny", {"m.gguf": old}, revision="v1", commit=play.OLDER_COMMIT)
    world.hub.add("acme/tiny", {"m.gguf": old}, revision="refs/pr/3", commit=play.OLDER_COMMIT)
    for revision in ("v1", play.OLDER_COMMIT, "refs/pr/3"):
        model = parsed(world.run("--json", f"hf://acme/tiny@{revision}/m.gguf"))["models"][0]
        require(model["files"][0]["bytes"] == old.size, f"{revision}: {model['files']}")
    # All files of one report come from one commit.
    asked = [r.target for r in world.hub.log if "/resolve/" in r.target]
    require(asked and all(play.OLDER_COMMIT in target for target in asked), str(asked))
    diff = world.run("diff", "--json", "hf://acme/tiny@v1", "hf://acme/tiny")
    require(diff.returncode == 1 and parsed(diff)["equal"] is False, diff.stderr)
    require(world.run("diff", good("gguf/good/v2.gguf"), "hf://acme/tiny@v1/m.gguf").returncode == 0, "diff with the local file")
    require_sentence(world.run("hf://acme/tiny@v9"), "no revision 'v9'")


def case_tokens_stay_at_home(world):
    world.hub.add("acme/private", play.contents_of(good("safetensors/good/sharded")))
    world.hub.private.add("acme/private")
    require_sentence(world.run("hf://acme/private"), "private", "HF_TOKEN")
    require(world.run("hf://acme/private", HF_TOKEN=TOKEN + "\n").returncode == 0, "the right token")
    for request in world.requests:
        sent = request.headers.get("authorization", "")
        require(sent in ("", f"Bearer {TOKEN}"), sent)
        require(request.server == "hub" or not sent, f"the token went to {request.server}: {request.target}")
        require(TOKEN not in request.target, "a token in an address")
    world.forget()
    os.makedirs(world.home + "/.cache/huggingface", exist_ok=True)
    with open(world.home + "/.cache/huggingface/token", "w") as file:
        file.write(TOKEN + "\n")
    require(world.run("hf://acme/private").returncode == 0, "the token's file")
    world.forget()
    require_sentence(world.run("hf://acme/private", HF_HUB_DISABLE_IMPLICIT_TOKEN="1"), "private")
    # A page of the list on another host, and a redirect of the list to one: no token.
    world.web.faults.append(lambda request: Answer(200, b"[]"))
    link = [("Link", f'<{world.web.url}/api/models/acme/private/tree/main?cursor=1>; rel="next"'), ("X-Repo-Commit", play.COMMIT)]
    world.hub.faults = [fault("/tree/", Answer(200, b"[]", link))]
    require_sentence(world.run("hf://acme/private", HF_TOKEN=TOKEN), "another server")
    world.hub.faults = [fault("/tree/", Answer(302, b"", [("Location", f"{world.web.url}/elsewhere")]))]
    world.run("hf://acme/private", HF_TOKEN=TOKEN)
    world.hub.faults = []
    require(all("authorization" not in request.headers for request in world.web.log), "the token went to another host")
    os.remove(world.home + "/.cache/huggingface/token")


EVIL_LINK = "Link", "<{}/api/models/acme/tiny/tree/main?recursive=true&expand=false>; rel=\"next\""
HUB_ERRORS = [
    ("GatedRepo", lambda hub: hub.error(401, "GatedRepo", "restricted"), ["gated", "accept its terms", "HF_TOKEN"]),
    ("GatedRepo 403", lambda hub: hub.error(403, "GatedRepo", "restricted"), ["gated", "accept its terms"]),
    ("RepoNotFound", lambda hub: hub.error(404, "RepoNotFound", "not found"), ["no such repository", "private"]),
    ("RevisionNotFound", lambda hub: hub.error(404, "RevisionNotFound", "x"), ["no revision"]),
    ("disabled", lambda hub: hub.error(403, "", "Access to this resource is disabled."), ["taken down"]),
    ("forbidden", lambda hub: hub.error(403, "", "your token lacks a scope"), ["403", "lacks a scope"]),
    ("bad request", lambda hub: hub.error(400, "", "malformed revision"), ["400", "malformed revision"]),
    ("html", lambda _: play.HTML, ["web page"]),
    ("not JSON", lambda _: Answer(200, b"[{", [("X-Repo-Commit", play.COMMIT)]), ["no valid JSON"]),
    ("not a list", lambda _: Answer(200, b"{}"), ["no list of files"]),
    ("deep", lambda _: Answer(200, b"[" * 100_000), ["deeper"]),
    ("a path out", lambda _: Answer(200, b'[{"type":"file","path":"../x.gguf","size":1}]'), ["../x.gguf"]),
    ("an absolute path", lambda _: Answer(200, b'[{"type":"file","path":"/x.gguf","size":1}]'), ["/x.gguf"]),
    ("control bytes", lambda _: Answer(200, b'[{"type":"file","path":"a\\u001b[2J.gguf","size":1}]'), ["no repository has"]),
    ("too long", lambda _: Answer(200, b"[" + b'{"type":"file","path":"x"},' * 400_000 + b"{}]"), ["MiB"]),
    ("a redirect loop", lambda _: Answer(302, b"", [("Location", "/api/models/acme/tiny/tree/main")]), ["redirects more than"]),
    ("no address", lambda _: Answer(302, b"", [("Location", "ftp://x/y")]), ["redirects"]),
    ("a smuggled header", lambda _: play.raw(b"HTTP/1.1 302 Found\r\nLocation: /x\rX: y\r\nContent-Length: 0\r\n\r\n"), ["tiny"]),
    ("a long header", lambda _: play.raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * (1 << 20) + b"\r\n\r\n"), ["127.0.0.1"]),
    ("pages without end", lambda hub: Answer(200, b"[]", [(EVIL_LINK[0], EVIL_LINK[1].format(hub.url))]), ["do not end"]),
]


def case_what_the_hub_says(world):
    world.hub.add("acme/tiny", {"v3.gguf": file_content("gguf/good/v3.gguf")})
    for name, answer, words in HUB_ERRORS:
        world.forget()
        world.hub.faults = [fault("/api/models/acme/tiny/tree", answer(world.hub))]
        try:
            require_sentence(world.run("hf://acme/tiny"), *words)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None
    # A bad token, and a batch that goes on.
    world.forget()
    require_sentence(world.run("hf://acme/tiny", HF_TOKEN="hf_wrong"), "refuses the token in HF_TOKEN")
    run = world.run("hf://acme/nope", "hf://acme/tiny", "--json")
    require(len(parsed(run)["models"]) == 1 and len(parsed(run)["errors"]) == 1 and run.returncode == 1, run.stderr)
    for command in ([], ["scan"]):
        run = world.run(*command, "hf://gpt2", "hf://acme/tiny", "--json")
        require(len(parsed(run)["models"]) == 1 and "is no reference" in run.stderr, f"no reference: {run.stderr}")


def case_renamed(world):
    world.hub.add("acme/new", {"v3.gguf": file_content("gguf/good/v3.gguf")})
    world.hub.renamed["acme/old"] = "acme/new"
    run = world.run("hf://acme/old/v3.gguf")
    require(run.returncode == 0 and "acme/old is called acme/new now" in run.stderr, run.stderr)


def case_many_pages(world):
    files = {f"f{i:04}.txt": Content(b"x") for i in range(2500)}
    files["zz.gguf"] = file_content("gguf/good/v3.gguf")
    world.hub.add("acme/many", files)
    require(world.run("hf://acme/many/zz.gguf").returncode == 0, "the last page")
    require(len([r for r in world.hub.log if "/tree/" in r.target]) == 3, "pages")


# --- Faults while a file is read

def faults_of(content):
    part = [("Content-Range", f"bytes 0-9/{content.size}")]
    return {
        "cut short, once": (play.cut_short(content), 1),
        "cut short, always": (play.cut_short(content), None),
        "hang up": (Answer(200, play.hang_up), 1),
        "503, twice": (play.UNAVAILABLE, 2),
        "429, once": (play.TOO_MANY, 1),
        "429, for an hour": (Answer(429, b"", [("Retry-After", "3600")]), None),
        "404": (Answer(404), None),
        "another range": (Answer(206, b"x" * 10, [("Content-Range", f"bytes 7-16/{content.size}")]), None),
        "no range stated": (Answer(206, b"x" * 10), None),
        "more than was asked for": (Answer(206, bytes(content.size + 99), [("Content-Range", f"bytes 0-{content.size + 98}/{content.size + 99}")]), None),
        "a range of 2^64": (Answer(206, b"x" * 10, [("Content-Range", "bytes 0-9/18446744073709551616")]), None),
        "fewer than stated": (Answer(206, b"x" * 5, part), None),
        "another size": (Answer(206, content.head[:1], [("Content-Range", f"bytes 0-0/{content.size + 7}")]), None),
        "gzip": (Answer(200, b"x" * content.size, [("Content-Encoding", "gzip")]), None),
        "html": (play.HTML, None),
        "endless": (Answer(200, play.endless), None),
        "empty": (Answer(200, b""), None),
        "416": (Answer(416, b"", [("Content-Range", "bytes */3")]), None),
    }


def case_faults(world):
    """Each at the first, second and third request: a right report or a sentence, never another report."""
    name = "moe-merged.gguf"
    head = file_content("gguf/good", name)
    content = Content(head.head, head.size)
    local = without_places(parsed(world.run("--json", good("gguf/good", name))), good("gguf/good", name))
    world.hub.add("acme/tiny", {name: content})
    reference = f"hf://acme/tiny/{name}"
    for what, (answer, times) in faults_of(content).items():
        for server, contains in ((world.hub.cdn, "xet-bridge"), (world.hub, "/resolve/")):
            world.forget()
            server.faults = [fault(contains, answer, times=times or 1 << 30)]
            begin = time.time()
            run = world.run("--json", reference)
            document = parsed(run)
            if document["models"]:
                got = without_places(document, reference)
                require(got == local, f"{what} at {server.label}: another report")
            else:
                require(run.returncode == 1 and len(run.stderr.splitlines()) == 1, f"{what} at {server.label}: {run.stderr!r}")
            right = times is not None
            require(not right or document["models"], f"{what} at {server.label}: was to pass, and {run.stderr!r}")
            require(time.time() - begin < 30, f"{what} at {server.label} took {time.time() - begin:.0f} s")
            sent = sum(request.sent for request in world.requests)
            require(sent < 8 << 20, f"{what} at {server.label}: {sent} bytes")  # what buffers take is not read


def case_later_faults(world):
    """A header of several requests, where the second or third goes wrong."""
    keys = b"".join((5).to_bytes(8, "little") + b"k%04d" % i + (8).to_bytes(4, "little") + (1000).to_bytes(8, "little") + b"v" * 1000
                    for i in range(400))
    header = b"GGUF" + (3).to_bytes(4, "little") + (0).to_bytes(8, "little") + (400).to_bytes(8, "little") + keys
    content = Content(header, 1_000_000)
    world.hub.add("acme/long", {"m.gguf": content})
    local = parsed(world.run("--json", "hf://acme/long/m.gguf"))
    changed = Content(header[:-1] + b"w", 1_000_000)
    for what, answer, passes in (
            ("hang up", Answer(200, play.hang_up), True),
            ("403, expired", Answer(403), True),
            ("503", play.UNAVAILABLE, True),
            ("moved file", lambda _: Answer(200, changed, [("ETag", '"other"')]), True),
            ("another range", Answer(206, b"x" * 10, [("Content-Range", "bytes 1-10/1000000")]), False),
            ("another size", lambda r: Answer(200, Content(header, 900_000), [("ETag", '"other"')]), True),
            ("no ranges now", lambda r: Answer(200, content, [("ETag", f'"{content.sha1}"')], ranges=False), True)):
        for after in (1, 2):
            world.forget()
            world.hub.cdn.faults = [fault("xet-bridge", answer, times=1, after=after)]
            run = world.run("--json", "hf://acme/long/m.gguf")
            document = parsed(run)
            if passes:
                require(document == local, f"{what} after {after}: {run.stderr!r}")
            else:
                require(not document["models"] and len(run.stderr.splitlines()) == 1, f"{what}: {run.stderr!r}")
    world.forget()
    etags = iter(range(10_000))
    world.hub.cdn.faults = [fault("xet-bridge", lambda _: Answer(200, content, [("ETag", f'"{next(etags)}"')]))]
    require_sentence(world.run("hf://acme/long/m.gguf"), "changes again and again")


def case_slow_servers(world):
    world.hub.add("acme/tiny", {"m.gguf": file_content("gguf/good/v3.gguf")})
    world.hub.cdn.faults = [fault("xet-bridge", play.slow(60))]
    begin = time.time()
    require_sentence(world.run("hf://acme/tiny/m.gguf", HF_HUB_DOWNLOAD_TIMEOUT="1"), "takes too long")
    require(time.time() - begin < 20, f"{time.time() - begin:.0f} s")


def case_pointer_instead_of_a_file(world):
    pointer = Content(b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"6" * 64 + b"\nsize 5000012345\n")
    world.web.files = {"/model.safetensors": pointer}
    require_sentence(world.run(f"{world.web.url}/model.safetensors"), "git-lfs pointer")


def case_servers_without_ranges(world):
    header = file_content("gguf/good/every-element-type.gguf")
    world.web.files = {"/m.gguf": Content(header.head, 5_000_000_000), "/v3.gguf": file_content("gguf/good/v3.gguf")}
    world.web.ranges = False
    require_equal_reports(world, f"{world.web.url}/v3.gguf", good("gguf/good/v3.gguf"))
    world.web.reset()
    run = world.run("--json", f"{world.web.url}/m.gguf")
    require(parsed(run)["models"], run.stderr)
    sent = sum(request.sent for request in world.web.log)
    require(sent < 8 << 20, f"{sent} bytes were sent")
    require_sentence(world.run(f"{world.web.url}/folder/"), "cannot be listed")
    require_sentence(world.run(f"{world.web.url}/none.gguf"), "does not exist")


# --- S3


def case_s3_signatures(world):
    names = ["org/a b+c.gguf", "org/é.gguf", "org/v3.gguf"]
    world.s3.buckets["models"] = {name: file_content("gguf/good/v3.gguf") for name in names}
    world.s3.page = 2
    keys = {"AWS_ACCESS_KEY_ID": world.s3.KEY, "AWS_SECRET_ACCESS_KEY": world.s3.SECRET, "AWS_REGION": "us-east-1"}
    for name in names:
        run = world.run("--json", f"s3://models/{name}", **keys)
        require(parsed(run)["models"], f"{name}: {run.stderr}")
    require(len(parsed(world.run("scan", "--json", "s3://models/org/", **keys))["models"]) == 3, "scan")
    require_sentence(world.run("s3://models/org/v3.gguf"), "AWS_ACCESS_KEY_ID")
    require_sentence(world.run("s3://models/org/v3.gguf", **{**keys, "AWS_SECRET_ACCESS_KEY": "wrong"}), "refuses the keys")
    require_sentence(world.run("s3://other/org/v3.gguf", **keys), "no bucket 'other'")
    require_sentence(world.run("s3://models/nothing/", **keys), "no object")
    world.s3.session_token = "session=="
    require_sentence(world.run("s3://models/org/v3.gguf", **keys), "expired")
    world.forget()
    require(world.run("s3://models/org/v3.gguf", AWS_SESSION_TOKEN="session==", **keys).returncode == 0, "a session token")
    world.s3.session_token = None
    world.s3.regions["models"] = "eu-west-3"
    world.forget()
    require(world.run("s3://models/org/v3.gguf", **keys).returncode == 0, "another region")
    # From the profile's file, and no keys to anybody else.
    os.makedirs(world.home + "/.aws", exist_ok=True)
    with open(world.home + "/.aws/credentials", "w") as file:
        file.write(f"[default]\naws_access_key_id = nobody\n[work]\naws_access_key_id = {world.s3.KEY}\naws_secret_access_key={world.s3.SECRET}\n")
    with open(world.home + "/.aws/config", "w") as file:
        file.write("[profile work]\nregion = eu-west-3\n")
    world.forget()
    require(world.run("s3://models/org/v3.gguf", AWS_PROFILE="work").returncode == 0, "a profile")
    for request in world.requests:
        require(request.server == "s3" or "authorization" not in request.headers, "keys went to another host")


# --- Commands


def case_every_command(world):
    local = good("safetensors/good/sharded")
    world.hub.add("acme/sharded", play.contents_of(local))
    there = "hf://acme/sharded"
    for command in (["tensors", "--json"], ["metadata", "--json"], ["estimate", "--as", "Q8_0", "--json"],
                    ["fit", "--on", "24GiB", "--json"], ["audit", "--json"]):
        a, b = world.run(command[0], there, *command[1:]), world.run(command[0], local, *command[1:])
        require(a.returncode == b.returncode, f"{command}: {a.stderr}")
        require(without_places(parsed(a), there) == without_places(parsed(b), local), f"{command} differs")
    snapshot = world.home + "/x.weigh.zst"
    require(world.run("snapshot", there, "-o", snapshot).returncode == 0, "snapshot")
    require(world.run("diff", snapshot, local).returncode == 0, "the snapshot differs")
    world.hub.add("acme/snap", {"x.weigh.zst": Content(open(snapshot, "rb").read())})
    require(world.run("hf://acme/snap/x.weigh.zst").returncode == 0, "a snapshot on a server")
    weights = sum(content.size for path, content in play.contents_of(local).items() if path.endswith(".safetensors"))
    for command in ("audit", "scan"):
        require_sentence(world.run(command, "--deep", there), "--deep", f"{weights} bytes", status=2)


def case_audit_finds_what_it_finds_here(world):
    world.hub.add("acme/bad", {
        "model.safetensors": file_content("safetensors/good/single/model.safetensors"),
        "config.json": Content(b'{"model_type": "llama", "auto_map": {"AutoModel": "modeling_x.M"}}'),
        "modeling_x.py": Content(b"import os\nclass M: pass\n"),
        "extra/optimizer.pt": Content(b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00idq\x00\x85R."),
    })
    codes = {finding["code"] for audit in parsed(world.run("audit", "--json", "hf://acme/bad"))["audits"] for finding in audit["findings"]}
    folder = world.home + "/copy/extra"
    os.makedirs(folder)
    for path, content in world.hub.repositories["acme/bad"]["main"].items():
        with open(f"{world.home}/copy/{path}", "wb") as file:
            file.write(content.head)
    here = {finding["code"] for audit in parsed(world.run("audit", "--json", world.home + "/copy"))["audits"] for finding in audit["findings"]}
    require(codes == here and codes, f"{codes} there, {here} here")


def case_scan(world):
    world.hub.add("acme/mixed", {**{f"st/{path}": content for path, content in play.contents_of(good("safetensors/good/sharded")).items()},
                                 "a.gguf": file_content("gguf/good/v3.gguf"), "q/b.gguf": file_content("gguf/good/v2.gguf"),
                                 "README.md": Content(b"x")})
    rows = parsed(world.run("scan", "--json", "hf://acme/mixed"))["models"]
    require(sorted(row["path"] for row in rows) == ["hf://acme/mixed/a.gguf", "hf://acme/mixed/q/b.gguf",
                                                    "hf://acme/mixed/st/model-00001-of-00003.safetensors"], str([r["path"] for r in rows]))
    database = world.home + "/models.sqlite"
    require(world.run("scan", "hf://acme/mixed", "--db", database).returncode == 0, "scan --db")
    world.hub.reset()
    world.hub.cdn.reset()
    require(len(parsed(world.run("scan", "hf://acme/mixed", "--db", database, "--json"))["models"]) == 3, "the second scan")
    require(len(world.requests) == 1, f"{len(world.requests)} requests for what has not changed")
    run = world.run("scan", "--json", "hf://acme/nope", good("gguf/good/v3.gguf"))
    require(run.returncode == 1 and len(parsed(run)["models"]) == 1, run.stderr)


def case_table_of_quantisations(world):
    model = file_content("gguf/good/moe-merged.gguf")
    names = ["m-Q8_0.gguf", "m-Q4_0.gguf", "BF16/m-BF16-00001-of-00002.gguf", "BF16/m-BF16-00002-of-00002.gguf"]
    files = {names[0]: model, names[1]: file_content("gguf/good/moe-per-expert.gguf"), "mmproj-F16.gguf": file_content("gguf/good/mmproj-small.gguf"),
             "imatrix.gguf": file_content("gguf/good/imatrix.gguf"),
             names[2]: file_content("gguf/good/split-empty-first-00001-of-00002.gguf"), names[3]: file_content("gguf/good/split-empty-first-00002-of-00002.gguf")}
    world.hub.add("acme/quants", files)
    run = world.run("hf://acme/quants", "--on", "24GiB")
    lines = run.stdout.splitlines()
    rows = [line for line in lines if line.startswith("  ") and " fits" in line]
    require(len(rows) == 3, run.stdout + run.stderr)
    require(sum("best that fits" in line for line in lines) <= 1, run.stdout)
    beside = [line for line in lines if "beside" in line]
    require(any("mmproj-F16.gguf" in line for line in lines if line not in rows) and beside, run.stdout)


def gguf_of(words, tensor_type, note):
    """A header with a long vocabulary, and tensors of a type."""
    def text(value):
        return len(value).to_bytes(8, "little") + value

    def string_key(name, value):
        return text(name) + (8).to_bytes(4, "little") + text(value)
    vocabulary = b"".join(text(word) for word in words)
    keys = [string_key(b"general.architecture", b"llama"), string_key(b"general.note", note),
            text(b"tokenizer.ggml.tokens") + (9).to_bytes(4, "little") + (8).to_bytes(4, "little") +
            len(words).to_bytes(8, "little") + vocabulary, string_key(b"general.end", note)]
    size = {0: 4 * 256, 8: 8 * 34}[tensor_type]
    tensors = b"".join(text(b"blk.%d.attn_q.weight" % i) + (1).to_bytes(4, "little") + (256).to_bytes(8, "little") +
                       tensor_type.to_bytes(4, "little") + ((size + 31) // 32 * 32 * i).to_bytes(8, "little") for i in range(99))
    head = b"GGUF" + (3).to_bytes(4, "little") + (99).to_bytes(8, "little") + len(keys).to_bytes(8, "little") + b"".join(keys) + tensors
    head += bytes(-len(head) % 32)
    return Content(head, len(head) + (size + 31) // 32 * 32 * 99)


def case_a_shared_vocabulary_is_read_once(world):
    words = [b"word%d" % (i * 7919) for i in range(60_000)]
    other = [*words[:30_000], *(word[::-1] for word in words[30_000:])]  # as long, and not the same
    files = {"m-F32.gguf": gguf_of(words, 0, b"one"), "m-Q8.gguf": gguf_of(words, 8, b"another note"),
             "n-F32.gguf": gguf_of(words, 0, b"a third"), "other.gguf": gguf_of(other[:-1], 0, b"words")}
    world.hub.add("acme/words", files)
    rows = {row["files"][0]["path"]: row for row in parsed(world.run("--json", "hf://acme/words"))["models"]}
    header = min(content.size for content in files.values())
    sent = {name: sum(r.sent for r in world.hub.cdn.log if content.sha256 in r.target) for name, content in files.items()}
    require(sorted(sent.values())[1] < 200_000 and sum(size > header // 2 for size in sent.values()) == 2, str(sent))
    # The same as when each is named alone, and none of them comes from the cache of the other way.
    world.hub.cdn.log = []
    for name in files:
        alone = parsed(world.run("--json", f"hf://acme/words/{name}"))["models"][0]
        require(alone == rows[f"hf://acme/words/{name}"], f"{name} differs")
    read = [name for name, content in files.items() if any(content.sha256 in r.target for r in world.hub.cdn.log)]
    require(len(read) == 2, f"read anew: {read}")
    world.hub.reset()
    world.hub.cdn.reset()
    world.run("--json", "hf://acme/words")
    require(len(world.requests) == 1, f"{len(world.requests)} requests the second time")


def case_local_copy_first(world):
    folder = f"{world.home}/.cache/huggingface/hub/models--acme--sharded"
    snapshot = f"{folder}/snapshots/{play.COMMIT}"
    os.makedirs(snapshot)
    os.makedirs(f"{folder}/refs")
    with open(f"{folder}/refs/main", "w") as file:
        file.write(play.COMMIT)
    for path, content in play.contents_of(good("safetensors/good/sharded")).items():
        with open(f"{snapshot}/{path}", "wb") as file:
            file.write(content.head)
    run = world.run("hf://acme/sharded")
    require(run.returncode == 0 and not world.requests, run.stderr)
    # One of several quantisations is not all of them, unless the list says so, or nobody may be asked.
    os.remove(f"{snapshot}/model.safetensors.index.json")
    for name in os.listdir(snapshot):
        os.remove(f"{snapshot}/{name}")
    gguf = file_content("gguf/good/v3.gguf")
    with open(f"{snapshot}/a.gguf", "wb") as file:
        file.write(gguf.head)
    world.hub.add("acme/sharded", {"a.gguf": gguf, "b.gguf": gguf})
    require(len(parsed(world.run("--json", "hf://acme/sharded"))["models"]) == 2, "asks for the others")
    asked = len(world.requests)
    require(len(parsed(world.run("--json", "hf://acme/sharded", HF_HUB_OFFLINE="1"))["models"]) == 1, "offline")
    require(len(parsed(world.run("--json", "hf://acme/sharded/a.gguf"))["models"]) == 1, "a file that is here")
    os.makedirs(f"{folder}/trees")
    with open(f"{folder}/trees/{play.COMMIT}.json", "w") as file:
        json.dump({"format_version": 1, "files": {"a.gguf": {"size": gguf.size}}}, file)
    require(len(parsed(world.run("--json", "hf://acme/sharded"))["models"]) == 1, "a list that names no more")
    require(len(world.requests) == asked, "asked for what is here")


def run_case(name):
    world = World()
    begin = time.time()
    try:
        globals()[name](world)
        return f"ok    {name[5:]} ({time.time() - begin:.1f} s)"
    except (AssertionError, subprocess.TimeoutExpired) as error:
        return f"FAIL  {name[5:]}: {error}"
    finally:
        world.close()


def main():
    wanted = sys.argv[3:]
    names = [name for name in globals() if name.startswith("case_")]
    names = [name for name in names if not wanted or any(word in name for word in wanted)]
    failed = 0
    # They wait for servers most of the time. The longest begins first.
    names.sort(key=lambda name: name != "case_faults")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for said in pool.map(run_case, names):
            print(said, flush=True)
            failed += said.startswith("FAIL")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
