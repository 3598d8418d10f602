#!/usr/bin/env python3
"""Makes docs/conformance from a folder of recorded runs.

    make_vectors.py CORPUS FOLDER

CORPUS holds runtime/llama.cpp-VERSION-*.json, what the engine reported, and models/NAME.json.gz, descriptions of the
models it ran. FOLDER gets llama.cpp-VERSION.json and headers/NAME.gguf.gz. Models that FOLDER has and CORPUS lacks stay.
The same input makes the same bytes. docs/conformance/README.md describes every key."""
import gzip
import json
import os
import re
import sys
import tempfile

sys.dont_write_bytecode = True

from vectors_file import read_vectors, write_header, write_vectors

# (key in CORPUS, key of a run's settings)
SETTINGS = [("n_ctx_asked", "context"), ("kv_type", "cache_type"), ("flash_attn", "flash_attention"),
            ("n_ubatch", "micro_batch"), ("n_seq_max", "sequences"), ("kv_unified", "unified_cache"),
            ("swa_full", "full_window_cache")]
FIGURES = [("n_ctx", "context"), ("n_ctx_seq", "context_per_sequence"), ("cache_bytes", "cache_bytes"),
           ("of_which_recurrent_state", "state_bytes"), ("of_which_window", "window_bytes"),
           ("compute_bytes", "compute_bytes"), ("model_bytes", "model_bytes")]
# What split runs leave out.
UNSAID = {"n_seq_max": 1, "kv_unified": False, "swa_full": False}
HOW = ("recorded with the engine's own accounting in its no-allocation mode: it loads the header, builds the context "
       "and reports the bytes of every buffer that it would allocate")


def read(path):
    opened = gzip.open(path, "rt", encoding="utf-8") if path.endswith(".gz") else open(path, encoding="utf-8")
    with opened as file:
        return json.load(file)


def settings_of(run):
    said = {**UNSAID, "n_ctx_asked": run.get("n_ctx"), **run}
    settings = {new: said[old] for old, new in SETTINGS}
    if "n_gpu_layers" in run:
        settings["gpu_layers"] = run["n_gpu_layers"]
    return settings


def recorded(run):
    return {"settings": settings_of(run), "engine": {new: run[old] for old, new in FIGURES if old in run}}


def recorded_split(run):
    memories = [{"where": buffer["where"], "model_bytes": buffer["model"], "cache_bytes": buffer["cache"],
                 "compute_bytes": buffer["compute"]} for buffer in run["buffers"]]
    return {"settings": settings_of(run), "engine": memories}


def refused(run):
    return {"settings": settings_of(run), "why": run["why"]}


def without_words(model):
    """The vocabulary left out, whose size the engine then reads from a key: a header of kilobytes, the same figures."""
    keys = [list(key) for key in model["kv"] if key[0] != "general.name"]
    if model.get("vocab_from"):
        architecture = next(value for name, _, value in keys if name == "general.architecture")
        if not any(name == architecture + ".vocab_size" for name, _, _ in keys):
            rows = next(tensor[2][1] for tensor in model["tensors"] if tensor[0] == "token_embd.weight")
            keys.append([architecture + ".vocab_size", "u32", rows])
        keys.append(["tokenizer.ggml.model", "str", "none"])
    return {**model, "kv": keys, "vocab_from": None, "split": None}


def header_of(model, write_gguf, scratch):
    """The bytes before the tensors' data, and the size of the whole file, which is sparse and never read further."""
    write_gguf(model, scratch)
    path = os.path.join(scratch, model["name"] + ".gguf")
    size = os.path.getsize(path)
    data = sum(-(-bytes_of(tensor) // 32) * 32 for tensor in model["tensors"])
    with open(path, "rb") as file:
        head = file.read(size - data)
    os.remove(path)
    return head, size


def bytes_of(tensor):
    from materialize import GG, prod
    _, block, size = GG[tensor[1]]
    return prod(tensor[2]) // block * size


def main(corpus, folder):
    os.makedirs(folder, exist_ok=True)
    sys.path.insert(0, corpus)
    from materialize import write_gguf
    runtime = os.path.join(corpus, "runtime")
    files = sorted(name for name in os.listdir(runtime) if name.endswith(".json"))
    version = re.match(r"llama\.cpp-(v[\d.]+)-", files[0]).group(1)
    hosts = [read(os.path.join(runtime, name)) for name in files if "-cpu" in name]
    splits = [read(os.path.join(runtime, name)) for name in files if "-split" in name]
    scratch = tempfile.mkdtemp(dir=folder)  # where files may be as sparse as FOLDER's

    found = read_vectors(folder)
    models = dict(found[1]["models"]) if found else {}
    for name, entry in (item for host in hosts for item in host["models"].items()):
        described = read(os.path.join(corpus, "models", name + ".json.gz"))
        head, size = header_of(without_words(described), write_gguf, scratch)
        made_up = bool(re.search(r"-(synth|shrunk|tiny)\b", name))
        models[name] = {"architecture": entry["architecture"], "header": write_header(head, name, folder), "file_bytes": size,
                        "published_dimensions": not made_up, "parameters": entry["engine_reports"]["params"],
                        "runs": [recorded(run) for run in entry["runs"]],
                        "refused": [refused(run) for run in entry.get("engine_refuses", [])],
                        "split_runs": [recorded_split(run) for split in splits for run in split["models"].get(name, [])]}
    backend = re.sub(r"^.*?\), ", "CPU, ", hosts[0]["engine"])
    split_backend = re.sub(r"^.*?, |, no-allocation mode$", "", splits[0]["engine"]) if splits else None
    write_vectors({"schema": "weigh.conformance/1", "engine": "llama.cpp", "version": version, "how": HOW,
                   "backend": backend, "split_backend": split_backend, "models": models},
                  os.path.join(folder, f"llama.cpp-{version}.json"))
    os.rmdir(scratch)
    print(f"{len(models)} models, {sum(len(m['runs']) for m in models.values())} runs")


if __name__ == "__main__":
    main(*sys.argv[1:])
