#!/usr/bin/env python3
"""No model file is lost without a word: every_file_test.py WEIGH TESTDATA

Below a scanned folder every file of weights is a row, a part of a row, or named as left out with a reason. Counted over
a tree of all fixtures, and over small trees of which it is known what becomes of each file.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

ENDINGS = (".gguf", ".safetensors", ".gguf.zst", ".safetensors.zst", ".weigh.zst")
COMMIT, OLD_COMMIT = "1" * 40, "2" * 40


def scan(*arguments):
    done = subprocess.run([WEIGH, "scan", *arguments, "--json"], capture_output=True, text=True, timeout=300)
    return json.loads(done.stdout)


def key(path):
    """The same for every name of a file; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_blob_of_a_model(folder, name):
    if os.path.basename(folder) != "blobs" or not name.startswith("sha256-") or len(name) != 71:
        return False
    with open(os.path.join(folder, name), "rb") as file:
        return file.read(4) == b"GGUF"


def model_files(root):
    """By their keys: of a file with several names, one of them."""
    found = {}
    for folder, _, names in os.walk(root):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.startswith("._") or not os.path.isfile(path):
                continue
            if name.endswith(ENDINGS) or is_blob_of_a_model(folder, name):
                found.setdefault(key(path), path)
    return found


def fates(document):
    """What the report says of each file, by keys: "row", "left out", "error"; and the folders that failed as a whole."""
    told, folders = {}, set()
    for failure in document["errors"]:
        if os.path.isdir(failure["path"]):
            folders.add(failure["path"])
        else:
            told[key(failure["path"])] = "error"
    for model in document["models"]:
        for finding in model["findings"]:
            assert finding["message"], "a reason"
            for path in finding.get("files", []):
                assert key(path) is not None, f"{path} of {finding} is no path"
                told.setdefault(key(path), "left out")
    for model in document["models"]:
        for path in [model["path"].split("#")[0]] + [file["path"] for file in model["files"]]:
            told[key(path)] = "row"
    return told, folders


def lost_files(document, root):
    told, folders = fates(document)

    def is_told(path, its_key):
        # An index that cannot be read: the failure is about all shards of its folder.
        in_failed = os.path.dirname(path) in folders and ".safetensors" in path
        return its_key in told or in_failed
    return [path for its_key, path in model_files(root).items() if not is_told(path, its_key)]


def copy(source, *place):
    target = os.path.join(*place)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy(os.path.join(TESTDATA, source), target)


def write(text, *place):
    target = os.path.join(*place)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())


def index_of(*files):
    return json.dumps({"weight_map": {f"t{i}": name for i, name in enumerate(files)}})


TINY = "safetensors/good/tiny.safetensors"
GGUF = "gguf/good/v3.gguf"


def pipeline(root):
    write('{"_class_name": "StableDiffusionPipeline"}', root, "model_index.json")
    rows = ["unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors",
            "text_encoder/model-00001-of-00002.safetensors", "text_encoder/model-00002-of-00002.safetensors"]
    left_out = ["flavour.safetensors", "flavour-pruned.safetensors", "flavour-ema.safetensors",
                "unet/diffusion_pytorch_model.fp16.safetensors", "unet/diffusion_pytorch_model.non_ema.safetensors",
                "unet/adapter_model.safetensors", "text_encoder/model.fp16-00001-of-00002.safetensors",
                "text_encoder/model.fp16-00002-of-00002.safetensors"]
    for name in rows + left_out:
        copy(TINY, root, name)
    ggufs = ["flavour-Q4_0.gguf", "unet/unet-Q8_0.gguf", "vae/old/diffusion_pytorch_model.safetensors"]
    copy(GGUF, root, ggufs[0])
    copy(GGUF, root, ggufs[1])
    copy(TINY, root, ggufs[2])
    return {**{name: "row" for name in rows + ggufs}, **{name: "left out" for name in left_out}}


def blob(store, content):
    digest = hashlib.sha256(content).hexdigest()
    write(content, store, "blobs", f"sha256-{digest}")
    return f"sha256:{digest}"


def manifest(store, name, *layers):
    text = {"layers": [{"mediaType": f"application/vnd.ollama.image.{kind}", "digest": digest, "size": 1}
                       for kind, digest in layers]}
    write(json.dumps(text), store, "manifests/registry.ollama.ai/library", name)


def content_of(name):
    with open(os.path.join(TESTDATA, name), "rb") as file:
        return file.read()


def ollama_store(root):
    store = os.path.join(root, "models")
    model, projector, other, orphan = (blob(store, content_of(f"gguf/good/{name}.gguf"))
                                       for name in ("v3", "v2", "scalar", "v1"))
    manifest(store, "one/8b", ("model", model), ("projector", projector), ("license", blob(store, b"none")))
    manifest(store, "two/latest", ("model", other))
    manifest(store, "two/again", ("model", other))
    return {f"models/blobs/{digest.replace(':', '-')}": "row" for digest in (model, projector, other, orphan)}


def hub_cache(root):
    repository = os.path.join(root, "models--org--tiny")
    write(COMMIT, repository, "refs/main")
    told = {}
    for commit, name, source, fate in ((COMMIT, "model.safetensors", TINY, "row"),
                                       (COMMIT, "model.fp16.safetensors", "safetensors/good/scalar.safetensors", "left out"),
                                       (OLD_COMMIT, "model.safetensors", "safetensors/good/unsorted.safetensors", "left out"),
                                       (OLD_COMMIT, "again.safetensors", TINY, "row")):
        digest = hashlib.sha256(content_of(source)).hexdigest()
        copy(source, repository, "blobs", digest)
        link = os.path.join(repository, "snapshots", commit, name)
        os.makedirs(os.path.dirname(link), exist_ok=True)
        os.symlink(f"../../blobs/{digest}", link)
        told[f"models--org--tiny/snapshots/{commit}/{name}"] = fate
    return told


def stale_index(root):
    write(index_of("model-00001-of-00030.safetensors"), root, "whole/model.safetensors.index.json")
    for part in (1, 2):
        copy(TINY, root, f"whole/model-0000{part}-of-00002.safetensors")
    write(index_of("model-00001-of-00030.safetensors"), root, "others/model.safetensors.index.json")
    copy(TINY, root, "others/some.safetensors")
    copy(TINY, root, "others/model-00001-of-00002.safetensors")
    write(index_of("../elsewhere.safetensors"), root, "hostile/model.safetensors.index.json")
    copy(TINY, root, "hostile/some.safetensors")
    copy(GGUF, root, "hostile/some.gguf")
    return {"whole/model-00001-of-00002.safetensors": "row", "whole/model-00002-of-00002.safetensors": "row",
            "others/some.safetensors": "row", "others/model-00001-of-00002.safetensors": "row",
            "hostile/some.safetensors": None, "hostile/some.gguf": "row"}


def consolidated(root):
    """Mistral's own form beside a model, beside two, and beside shards; with its index."""
    told = {"one/model.safetensors": "row", "one/consolidated.safetensors": "left out",
            "one/adapter_model.safetensors": "left out",
            "two/a.safetensors": "row", "two/b.safetensors": "row", "two/consolidated.safetensors": "left out",
            "alone/consolidated-00001-of-00002.safetensors": "row",
            "alone/consolidated-00002-of-00002.safetensors": "row",
            "digits/model-000001-of-000002.safetensors": "row", "digits/model-00002-of-00002.safetensors": "row",
            "digits/model-00001-of-00002.safetensors": "left out"}
    for name in told:
        copy(TINY, root, name)
    write(index_of("consolidated.safetensors"), root, "one/consolidated.safetensors.index.json")
    return told


def links(root):
    """A file beside a model that counts elsewhere is no link itself."""
    copy(TINY, root, "a/model.safetensors")
    os.makedirs(os.path.join(root, "b"))
    os.link(os.path.join(root, "a/model.safetensors"), os.path.join(root, "b/model.safetensors"))
    copy("safetensors/good/scalar.safetensors", root, "b/model.fp16.safetensors")
    os.symlink("a/model.safetensors", os.path.join(root, "soft.safetensors"))
    return {"a/model.safetensors": "row", "b/model.safetensors": "row", "b/model.fp16.safetensors": "row",
            "soft.safetensors": "row"}


TREES = (pipeline, ollama_store, hub_cache, stale_index, consolidated, links)


def small_trees(scratch):
    for make in TREES:
        root = os.path.join(scratch, make.__name__)
        os.makedirs(root)
        expected = make(root)
        document = scan(root)
        told, _ = fates(document)
        found = {name: told.get(key(os.path.join(root, name))) for name in expected}
        assert found == expected, f"{make.__name__}: " + str(
            {name: (found[name], fate) for name, fate in expected.items() if found[name] != fate})
        assert lost_files(document, root) == [], make.__name__
        assert len({key(os.path.join(root, name)) for name in expected}) == len(model_files(root)), "all are expected"


def all_fixtures(scratch):
    root = os.path.join(scratch, "all")
    shutil.copytree(TESTDATA, os.path.join(root, "fixtures"), symlinks=True)
    for make in TREES:
        tree = os.path.join(root, make.__name__)
        os.makedirs(tree)
        make(tree)
    files = model_files(root)
    assert len(files) > 300, len(files)
    document = scan(root)
    lost = lost_files(document, root)
    assert lost == [], f"{len(lost)} of {len(files)} files are lost: {lost[:20]}"

    # What an inventory keeps says the same.
    database = os.path.join(scratch, "all.sqlite")
    scan(root, "--db", database)
    if os.path.exists(database):
        assert lost_files(scan("--db", database), root) == []

    # The count counts: without one row, its files are lost.
    row = document["models"].pop()
    assert lost_files(document, root) == sorted({row["path"].split("#")[0], *(file["path"] for file in row["files"])})


def main():
    for case in (small_trees, all_fixtures):
        with tempfile.TemporaryDirectory(prefix="weigh-every-file-") as scratch:
            case(os.path.realpath(scratch))


if __name__ == "__main__":
    WEIGH, TESTDATA = (os.path.abspath(path) for path in sys.argv[1:3])
    main()
    print("every model file is told of")
