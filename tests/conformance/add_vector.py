#!/usr/bin/env python3
"""Adds a model and its recorded runs to docs/conformance.

    add_vector.py GGUF RUNS.json FOLDER

GGUF is the file that the engine loaded, in one part; nothing behind its header is read. RUNS.json is the model's object
as docs/conformance/README.md describes it: `parameters`, `published_dimensions`, `runs`, and `refused` and `split_runs` where
there are any. `architecture`, `header` and `file_bytes` come from GGUF. The vocabulary is left out; its size stays."""
import json
import os
import struct
import sys

sys.dont_write_bytecode = True

from vectors_file import EMPTY, read_vectors, write_header, write_vectors

WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
U32, STRING, ARRAY = 4, 8, 9
ALIGNMENT = 32


class Reader:
    def __init__(self, file):
        self.file, self.taken = file, bytearray()

    def take(self, count):
        got = self.file.read(count)
        if len(got) != count:
            raise ValueError("the file ends in its header")
        self.taken += got
        return got

    def number(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize(form)))[0]

    def string(self):
        return self.take(self.number("Q")).decode()

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind != ARRAY:
            return self.take(WIDTHS[kind])
        inner, count = self.number("I"), self.number("Q")
        if inner in WIDTHS:
            return self.take(WIDTHS[inner] * count)
        return [self.value(inner) for _ in range(count)]

    def whole(self, read):
        """What `read` gives, and the bytes that it took."""
        self.taken = bytearray()
        return read(), bytes(self.taken)


def read_header(file):
    """(version, [(key, value, bytes)], [(name, extents, bytes)], where the data begin)"""
    reader = Reader(file)
    if reader.take(4) != b"GGUF":
        raise ValueError("no GGUF")
    version, tensor_count, key_count = reader.number("I"), reader.number("Q"), reader.number("Q")
    keys, tensors = [], []
    for _ in range(key_count):
        (key, value), taken = reader.whole(lambda: (reader.string(), reader.value(reader.number("I"))))
        keys.append((key, value, taken))
    for _ in range(tensor_count):
        def tensor():
            name = reader.string()
            extents = [reader.number("Q") for _ in range(reader.number("I"))]
            reader.take(12)  # type and offset
            return name, extents
        (name, extents), taken = reader.whole(tensor)
        tensors.append((name, extents, taken))
    if any(key == "general.alignment" for key, _, _ in keys):
        raise ValueError("an alignment of its own: not provided for")
    return version, keys, tensors, file.tell() + -file.tell() % ALIGNMENT


def string(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()


def is_word(key):
    """Keys of the vocabulary, and the name, which the vectors have elsewhere. The number of token types shapes tensors."""
    return key == "general.name" or (key.startswith("tokenizer.") and key != "tokenizer.ggml.token_type_count")


def without_words(path):
    """(architecture, header, size of the whole file)"""
    with open(path, "rb") as file:
        version, keys, tensors, data_begin = read_header(file)
        data = os.fstat(file.fileno()).st_size - data_begin
    architecture = next(value for key, value, _ in keys if key == "general.architecture")
    kept = [taken for key, _, taken in keys if not is_word(key)]
    if not any(key == architecture + ".vocab_size" for key, _, _ in keys):
        rows = next(extents[1] for name, extents, _ in tensors if name == "token_embd.weight")
        kept.append(string(architecture + ".vocab_size") + struct.pack("<II", U32, rows))
    kept.append(string("tokenizer.ggml.model") + struct.pack("<I", STRING) + string("none"))
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(kept)) + b"".join(kept)
    head += b"".join(taken for _, _, taken in tensors)
    head += b"\0" * (-len(head) % ALIGNMENT)
    return architecture, head, len(head) + data + -data % ALIGNMENT


def main(gguf, runs, folder):
    architecture, head, file_bytes = without_words(gguf)
    with open(runs, encoding="utf-8") as file:
        told = {**EMPTY, **json.load(file)}
    name = os.path.basename(gguf).removesuffix(".gguf")
    path, document = read_vectors(folder)
    model = {"architecture": architecture, "header": write_header(head, name, folder), "file_bytes": file_bytes}
    for key in ("published_dimensions", "parameters", "runs", "refused", "split_runs"):
        model[key] = told[key]
    document["models"][name] = model
    write_vectors(document, path)
    print(f"{name}: {architecture}, {len(model['runs'])} runs")


if __name__ == "__main__":
    main(*sys.argv[1:])
