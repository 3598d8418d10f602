#!/usr/bin/env python3
"""Breaks a good checkpoint in one way at a time: `weigh audit` must name each, and nothing else but it.

    broken_test.py WEIGH TESTDATA

The checkpoints lie as a download into a folder leaves them, with the record of each file's digest."""
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

weigh, testdata = (os.path.abspath(argument) for argument in sys.argv[1:3])
good = os.path.join(testdata, "safetensors/good/sharded")
shards = [f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3)]
index = "model.safetensors.index.json"
problems = []


def read(path, mode="rb"):
    with open(path, mode) as file:
        return file.read()


def write(path, content):
    with open(path, "wb" if isinstance(content, bytes) else "w") as file:
        file.write(content)


def edit_json(path, change):
    document = json.loads(read(path))
    change(document)
    write(path, json.dumps(document))


def record(folder):
    """What `hf download --local-dir` writes: commit, digest and time for each file."""
    records = os.path.join(folder, ".cache/huggingface/download")
    os.makedirs(records)
    for name in shards:
        digest = hashlib.sha256(read(os.path.join(folder, name))).hexdigest()
        write(os.path.join(records, name + ".metadata"), f"{'1' * 40}\n{digest}\n1700000000.0\n")
    content = read(os.path.join(folder, "config.json"))
    digest = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    write(os.path.join(records, "config.json.metadata"), f"{'1' * 40}\n{digest}\n1700000000.0\n")


def swap_shards(folder):
    first, second = (os.path.join(folder, name) for name in shards[:2])
    os.rename(first, first + ".x")
    os.rename(second, first)
    os.rename(first + ".x", second)


def flip_byte(folder):
    path = os.path.join(folder, shards[1])
    content = bytearray(read(path))
    content[-5] ^= 1
    write(path, bytes(content))


def forget_name(folder):
    edit_json(os.path.join(folder, index), lambda document: document["weight_map"].pop("lm_head.weight"))


def quote_total(folder):
    edit_json(os.path.join(folder, index), lambda document: document["metadata"].update(total_size="800"))


def add_layer(folder):
    edit_json(os.path.join(folder, "config.json"), lambda document: document.update(num_hidden_layers=3))


def add_pickle(folder):
    write(os.path.join(folder, "pytorch_model.bin"), b"\x80\x02cposix\nsystem\nX\x02\0\0\0idq\0\x85R.")


def add_auto_map(folder):
    edit_json(os.path.join(folder, "config.json"),
              lambda document: document.update(auto_map={"AutoModel": "modeling_x.Model"}))


def truncate(folder):
    os.truncate(os.path.join(folder, shards[2]), os.path.getsize(os.path.join(folder, shards[2])) - 40)


def point_to_lfs(folder):
    write(os.path.join(folder, shards[1]),
          f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize 288\n")


def overwrite_value(folder, value):
    path = os.path.join(folder, shards[0])
    content = bytearray(read(path))
    content[-2:] = struct.pack("<H", value)
    write(path, bytes(content))


def put_nan(folder):
    overwrite_value(folder, 0x7fc0)


def put_infinity(folder):
    overwrite_value(folder, 0x7f80)


def zero(folder):
    path = os.path.join(folder, shards[1])
    content = read(path)
    header = 8 + struct.unpack("<Q", content[:8])[0]
    write(path, content[:header] + bytes(len(content) - header))


def dangle(folder):
    os.remove(os.path.join(folder, shards[1]))
    os.symlink("../../blobs/" + "d" * 64, os.path.join(folder, shards[1]))


def leave_download(folder):
    write(os.path.join(folder, ".cache/huggingface/download/abc.def.incomplete"), b"half")


# What is done, whether every byte must be read, what must be said, and of which file. A digest that is not compared
# without --deep is recorded again after the change where it is not the point.
deep = True
cases = [
    (swap_shards, not deep, {"shards-swapped"}, shards[0]),
    (flip_byte, deep, {"sha256-mismatch"}, shards[1]),
    (forget_name, not deep, {"unindexed-tensor"}, shards[2]),
    (quote_total, not deep, {"index-claim"}, None),
    (add_layer, not deep, {"config-layers"}, None),
    (add_pickle, not deep, {"pickle-beside"}, "pytorch_model.bin"),
    (add_auto_map, not deep, {"auto-map"}, "config.json"),
    (truncate, not deep, {"truncated"}, shards[2]),
    (point_to_lfs, not deep, {"lfs-pointer"}, shards[1]),
    (put_nan, deep, {"nan", "sha256-mismatch"}, shards[0]),
    (put_infinity, deep, {"infinite", "sha256-mismatch"}, shards[0]),
    (zero, deep, {"all-zero", "sha256-mismatch"}, shards[1]),
    (add_layer, deep, {"config-layers", "git-id-mismatch"}, None),
    (dangle, not deep, {"dangling-link"}, shards[1]),
    (leave_download, not deep, {"incomplete-download"}, ".cache/huggingface/download/abc.def.incomplete"),
    (lambda folder: None, not deep, set(), None),
    (lambda folder: None, deep, set(), None),
]
# Swapped shards leave the tensors of both uncounted; the pickle is named like a copy of the model.
follows = {"shards-swapped": {"missing-tensor", "index-total-size"}, "pickle-beside": {"copy-left-out"}}


def audit(path, *flags):
    done = subprocess.run([weigh, "audit", path, "--json", *flags], stdout=subprocess.PIPE, timeout=60)
    return json.loads(done.stdout), done.returncode


for change, reads_all, expected, file in cases:
    with tempfile.TemporaryDirectory() as scratch:
        folder = os.path.join(scratch, "checkpoint")
        shutil.copytree(good, folder)
        record(folder)
        change(folder)
        document, status = audit(folder, *(["--deep"] if reads_all else []))
        findings = [finding for one in document["audits"] for finding in one["findings"]]
        codes = {finding["code"] for finding in findings}
        name = f"{change.__name__}{' --deep' if reads_all else ''}"
        allowed = expected.union(*(follows.get(code, set()) for code in expected))
        if not (expected <= codes <= allowed):
            problems.append(f"{name}: {sorted(codes)}, expected {sorted(expected)}")
        if file and not any(finding.get("file") == file for finding in findings if finding["code"] in expected):
            problems.append(f"{name}: no finding names {file}")
        wants = 1 if any(finding["severity"] == "error" for finding in findings) else 0
        if status != wants:
            problems.append(f"{name}: exit status {status}, expected {wants}")

# What --deep says of files without plain bytes, and of types it does not understand.
for path, expected in (("snapshots/Llama-2-7B-f16.weigh.zst", "not-checkable"),
                       ("gguf/good/fork-ik-llama.gguf", "not-looked-into")):
    document, _ = audit(os.path.join(testdata, path), "--deep")
    if expected not in {finding["code"] for one in document["audits"] for finding in one["findings"]}:
        problems.append(f"{path}: no {expected}")

# One bad path never stops the others.
document, status = audit(good, "no-such-file")
if len(document["audits"]) != 2 or status != 1:
    problems.append(f"a path that is not there: {len(document['audits'])} audits, exit status {status}")

print(f"{len(cases)} checkpoints, {len(problems)} problems")
for problem in problems:
    print(problem)
sys.exit(1 if problems else 0)
