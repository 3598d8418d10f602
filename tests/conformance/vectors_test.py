#!/usr/bin/env python3
"""Holds docs/conformance to its schema, its headers to its figures, and check.py to what README.md there says of it.

    vectors_test.py WEIGH PROJECT             what is published
    vectors_test.py --made CORPUS PROJECT     that CORPUS still makes it; exit status 77 where CORPUS is not there"""
import filecmp
import glob
import gzip
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
failures = []


def expect(holds, what):
    if not holds:
        failures.append(what)


def check(folder, *arguments):
    """Exit status, text and every run of check.py."""
    path = os.path.join(folder, "runs.json")
    done = subprocess.run([sys.executable, os.path.join(PUBLISHED, "check.py"), "--json", path, *arguments],
                          capture_output=True, text=True)
    with open(path, encoding="utf-8") as file:
        return done.returncode, done.stdout, json.load(file)


def test_schema(document):
    try:
        import jsonschema
    except ImportError:
        print("no module jsonschema: the schema is not checked")
        return
    with open(os.path.join(PUBLISHED, "schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    for error in jsonschema.Draft202012Validator(schema).iter_errors(document):
        expect(False, f"schema: {error.json_path}: {error.message[:200]}")


def test_headers(document):
    stored = {os.path.basename(path) for path in glob.glob(os.path.join(PUBLISHED, "headers", "*"))}
    expect(stored == {os.path.basename(model["header"]) for model in document["models"].values()}, "headers: not those that are named")
    for name, model in document["models"].items():
        with gzip.open(os.path.join(PUBLISHED, model["header"])) as file:
            head = file.read()
        expect(head[:4] == b"GGUF" and len(head) < model["file_bytes"], f"{name}: no header of a GGUF")
        loaded = {run["engine"]["model_bytes"] for run in model["runs"]}
        expect(len(loaded) == 1, f"{name}: its weights differ by run")
        expect(all(run["engine"]["state_bytes"] <= run["engine"]["cache_bytes"] for run in model["runs"]), f"{name}: more state than cache")


def test_check_with_weigh(weigh, folder):
    status, text, runs = check(folder, "--weigh", weigh, "--arch", "gemma3")
    figures = [(run["estimate"], run["engine"]) for run in runs["weigh"]]
    expect(status == 0 and figures, "check.py --weigh: no figures\n" + text)
    expect(all(ours == {key: engine[key] for key in ours} for ours, engine in figures), "check.py --weigh: gemma3 is not exact")


def test_check_with_commands(folder):
    script = os.path.join(folder, "estimator.py")
    with open(script, "w", encoding="utf-8") as file:
        file.write("import json, os, sys\n"
                   "model, context, kind, fa, unified = sys.argv[1:]\n"
                   "assert kind in ('f16', 'q8_0', 'q4_0') and fa in ('on', 'off') and unified in ('true', 'false')\n"
                   "refused = {'refused': True} if kind == 'q8_0' else {'model_bytes': os.path.getsize(model), 'cache_bytes': int(context)}\n"
                   "print(json.dumps(refused))\n")
    words = ["{model}", "{context}", "{cache_type}", "{flash_attention}", "{unified_cache}"]
    status, text, runs = check(folder, "--arch", "grok", "--title", "mine", "--", sys.executable, script, *words)
    expect(status == 0 and "mine" in text and "so it does" in text, "check.py with a command:\n" + text)
    for run in runs["mine"]:
        wanted = {"refused": True} if run["settings"]["cache_type"] == "q8_0" else run["settings"]["context"]
        expect(wanted in (run["estimate"], run["estimate"].get("cache_bytes")), f"check.py: {run}")
    status, text, _ = check(folder, "--arch", "grok", "--", sys.executable, "-c", "print('no figure')")
    expect(status == 1 and "failed: grok-1" in text, "check.py with a command that prints no JSON:\n" + text)


def string(text):
    return struct.pack("<Q", len(text)) + text.encode()


def test_add(folder):
    """A GGUF with a vocabulary of three words becomes a header without words."""
    def key(name, kind, value):
        return string(name) + struct.pack("<I", kind) + value
    words = struct.pack("<IQ", 8, 3) + b"".join(map(string, ("a", "b", "c")))
    keys = [key("general.architecture", 8, string("llama")), key("general.name", 8, string("mine")),
            key("llama.block_count", 4, struct.pack("<I", 1)), key("llama.rope.sections", 9, struct.pack("<IQ2I", 4, 2, 7, 9)),
            key("tokenizer.ggml.tokens", 9, words), key("tokenizer.ggml.model", 8, string("gpt2"))]
    tensor = string("token_embd.weight") + struct.pack("<I2QIQ", 2, 4, 3, 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(keys)) + b"".join(keys) + tensor
    copy = shutil.copytree(PUBLISHED, os.path.join(folder, "conformance"))
    gguf, runs = os.path.join(folder, "Mine-1.F32.gguf"), os.path.join(folder, "mine.json")
    with open(gguf, "wb") as file:
        file.write(head + b"\0" * (-len(head) % 32) + b"\0" * 48)
    settings = {"context": 256, "cache_type": "f16", "flash_attention": "auto", "micro_batch": 512, "sequences": 1,
                "unified_cache": False, "full_window_cache": False}
    engine = {"context": 256, "context_per_sequence": 256, "cache_bytes": 1, "state_bytes": 0, "compute_bytes": 2, "model_bytes": 48}
    with open(runs, "w", encoding="utf-8") as file:
        json.dump({"parameters": 12, "published_dimensions": False, "runs": [{"settings": settings, "engine": engine}]}, file)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "add_vector.py")
    done = subprocess.run([sys.executable, script, gguf, runs, copy], capture_output=True, text=True)
    expect(done.returncode == 0, "add_vector.py: " + done.stderr)
    with open(glob.glob(os.path.join(copy, "llama.cpp-*.json"))[0], encoding="utf-8") as file:
        document = json.load(file)
    test_schema(document)
    added = document["models"].get("Mine-1.F32")
    with gzip.open(os.path.join(copy, "headers", "Mine-1.F32.gguf.gz")) as file:
        stored = file.read()
    expect(added and added["architecture"] == "llama" and added["file_bytes"] == len(stored) + 64, f"add_vector.py: {added}")
    expect(string("gpt2") not in stored and words not in stored and string("none") in stored, "add_vector.py keeps the vocabulary")
    expect(key("llama.vocab_size", 4, struct.pack("<I", 3)) in stored and tensor in stored, "add_vector.py drops what counts")
    expect(key("llama.rope.sections", 9, struct.pack("<IQ2I", 4, 2, 7, 9)) in stored, "add_vector.py drops an array")


def test_made(corpus):
    """A newer corpus that nobody made vectors of, or vectors changed by hand."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = shutil.copytree(PUBLISHED, os.path.join(scratch, "conformance"))
        subprocess.run([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "make_vectors.py"), corpus, folder],
                       check=True, stdout=subprocess.DEVNULL)
        made = [os.path.relpath(path, folder) for path in glob.glob(folder + "/**/*.*", recursive=True) if os.path.isfile(path)]
        with open(glob.glob(os.path.join(corpus, "runtime", "*-cpu.json"))[0], encoding="utf-8") as file:
            names = json.load(file)["models"]
        expect(all(f"headers/{name}.gguf.gz" in made for name in names), "headers of the corpus are not there")
        _, different, absent = filecmp.cmpfiles(folder, PUBLISHED, made, shallow=False)
        expect(not different and not absent, f"docs/conformance is not what make_vectors.py makes: {(different + absent)[:5]}")


if __name__ == "__main__":
    PUBLISHED = os.path.join(sys.argv[-1], "docs/conformance")
    if sys.argv[1] == "--made":
        if not os.path.isdir(os.path.join(sys.argv[2], "runtime")):
            sys.exit(77)
        test_made(sys.argv[2])
    else:
        with open(glob.glob(os.path.join(PUBLISHED, "llama.cpp-*.json"))[0], encoding="utf-8") as vectors:
            published = json.load(vectors)
        test_schema(published)
        test_headers(published)
        with tempfile.TemporaryDirectory() as scratch:
            test_check_with_weigh(os.path.abspath(sys.argv[1]), scratch)
            test_check_with_commands(scratch)
            test_add(scratch)
    print("\n".join(failures) or "as published")
    sys.exit(1 if failures else 0)
