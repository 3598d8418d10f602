#!/usr/bin/env python3
"""Figures, not a test: requests and bytes for each model of the shared corpus, read from a server.

    budget_bench.py WEIGH CORPUS [PART_OF_NAME]

Requests of files count where the bytes come from; the Hub's own redirect, one for each file, is beside them. The ratio
is bytes read, less the first 64 KiB, to bytes of header. Worst first."""
import json
import os
import subprocess
import sys
import tempfile

import server

KNOWN = 64 << 20


def materialised(corpus):
    sys.path.insert(0, corpus)
    import check
    return check.materialised(corpus)


def measure(weigh, name, path):
    hub = server.Hub()
    hub.add(f"acme/{name}", server.contents_of(path) if os.path.isdir(path) else parts_of(path))
    with tempfile.TemporaryDirectory() as home:
        environment = {"PATH": os.environ["PATH"], "HOME": home, "HF_ENDPOINT": hub.url}
        run = subprocess.run([weigh, "--json", f"hf://acme/{name}"], capture_output=True, text=True, env=environment,
                             timeout=300)
    models = json.loads(run.stdout)["models"]
    files = {file["path"]: file["header_bytes"] for model in models for file in model["files"]}
    rows = []
    for file, header in files.items():
        content = hub.repositories[f"acme/{name}"]["main"][file.split("/", 4)[-1]]
        asked = [request for request in hub.cdn.log if content.sha256 in request.target]
        sent = sum(request.sent for request in asked)
        rows.append((max(0, sent - 65536) / header, len(asked), sent, header, file))
    hub.stop()
    return rows


def parts_of(path):
    folder, base = os.path.split(path)
    names = [base]
    if "-of-" in base:
        stem = base.split("-of-")[0][:-5]
        names = [name for name in os.listdir(folder) if name.startswith(stem) and "-of-" in name]
    files = {}
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            files[name] = server.Content(file.read(KNOWN), os.path.getsize(os.path.join(folder, name)))
    return files


def main(weigh, corpus, part=""):
    folder = materialised(corpus)
    rows, seen = [], set()
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if part not in name or ("-of-" in name and "00001-of" not in name):
            continue
        if not (os.path.isdir(path) or name.endswith((".gguf", ".safetensors"))) or name in seen:
            continue
        rows += measure(weigh, name.replace(" ", "-"), path)
    rows.sort(reverse=True)
    print(f"{'ratio':>6} {'requests':>8} {'bytes':>12} {'header':>12}  file")
    for ratio, requests, sent, header, file in rows:
        print(f"{ratio:6.2f} {requests:8} {sent:12,} {header:12,}  {file}")
    print(f"{len(rows)} files: at most {max(r[1] for r in rows)} requests, ratio at most {rows[0][0]:.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
