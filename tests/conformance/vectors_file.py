"""Writes docs/conformance: one JSON with the runs, and the header of each model."""
import glob
import gzip
import json
import os

EMPTY = {"split_runs": [], "refused": []}


def read_vectors(folder):
    """(path, document) of the newest, or nothing."""
    paths = sorted(glob.glob(os.path.join(folder, "llama.cpp-*.json")))
    if not paths:
        return None
    with open(paths[-1], encoding="utf-8") as file:
        return paths[-1], json.load(file)


def write_header(head, name, folder):
    """The name by which a model refers to its header. The same bytes make the same file."""
    os.makedirs(os.path.join(folder, "headers"), exist_ok=True)
    stored = f"headers/{name}.gguf.gz"
    with open(os.path.join(folder, stored), "wb") as packed:
        with gzip.GzipFile(filename="", mode="wb", fileobj=packed, compresslevel=9, mtime=0) as file:
            file.write(head)
    return stored


def write_vectors(document, path):
    """One run a line, so that a difference shows which run."""
    def line(value):
        return json.dumps(value, ensure_ascii=False)
    models = sorted(document["models"].items(), key=lambda item: (item[0].lower(), item[0]))
    out = ["{"] + [f" {line(key)}: {line(value)}," for key, value in document.items() if key != "models"] + [' "models": {']
    for at, (name, model) in enumerate(models):
        out.append(f"  {line(name)}: {{")
        for number, (key, value) in enumerate(model.items()):
            end = "," if number + 1 < len(model) else ""
            if isinstance(value, list) and value:
                rows = ",\n".join("    " + line(row) for row in value)
                out += [f"   {line(key)}: [", rows, f"   ]{end}"]
            else:
                out.append(f"   {line(key)}: {line(value)}{end}")
        out.append("  }," if at + 1 < len(models) else "  }")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out + [" }", "}"]) + "\n")
