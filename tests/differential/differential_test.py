#!/usr/bin/env python3
"""weigh against a second reader, on files made here: valid ones and ones with a fault or two.

    differential_test.py WEIGH [--seed N] [--count N] [--keep FOLDER]

File K of a run has the seed N + K: `--seed THAT --count 1 --keep .` makes it again and leaves it there."""
import argparse
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from plain_reader import BITS, GGUF_TYPES, VALUES, Refused, Unsure, read

COMPARED = {"empty-key", "long-key", "duplicate-key", "duplicate-tensor", "zero-dimension", "long-tensor-name",
            "tensor-misaligned", "tensor-overlap", "data-hole", "trailing-bytes", "truncated"}
LIMITS = [0, 1, 2, 31, 32, 33, 255, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53 + 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1]
WORDS = ["a", "blk.0.attn_q.weight", "токен", "重み", "é", "e\u0301", "🙂", "a b", "x" * 63, "x" * 64, "x" * 128, "", "\u0001",
         'quote"', "back\\slash", "model.layers.1.mlp.down_proj.weight", "a\u0000b", "__metadata__ "]


def a_name(chance, used):
    name = chance.choice(WORDS) if chance.random() < 0.4 else f"t{chance.randrange(1000)}.weight"
    return name if name not in used or chance.random() < 0.02 else f"{name}{len(used)}"


def a_shape(chance, block):
    shape = [chance.choice((1, 1, 2, 3, 5)) for _ in range(chance.randrange(4))] + [block * chance.choice((1, 1, 2, 3))]
    if chance.random() < 0.05:
        shape = shape + [1]
    if chance.random() < 0.04:
        shape[chance.randrange(len(shape))] = chance.choice(LIMITS)
    return shape if block > 1 or chance.random() > 0.1 else []


def make_gguf(chance):
    version, order = chance.choice((1, 2, 3, 3, 3)), chance.choice("<<<>")
    length = "I" if version == 1 else "Q"
    pack = lambda code, value: struct.pack(order + code, value)  # noqa: E731
    text = lambda value: pack(length, len(value)) + value  # noqa: E731
    top = 2**32 - 1 if version == 1 else 2**64 - 1

    def value(kind, depth):
        if kind == 8:
            return text(chance.choice(WORDS).encode())
        if kind == 9:
            element = chance.choice([k for k in range(10 if version == 1 else 13) if k != 9 or depth < 9])
            if depth and depth < 9 and chance.random() < 0.7:
                element = 9
            count = chance.choice((0, 1, 1, 2, 3)) if element != 9 else 1
            return pack("I", element) + pack(length, count) + b"".join(value(element, depth + 1) for _ in range(count))
        if kind in (6, 12):
            return pack(VALUES[kind], chance.choice((0.0, -1.5, 0.1, 1e-30, 3e38)))
        if kind == 7:
            return bytes([chance.choice((0, 1, 1, 2))])
        bits = 8 * struct.calcsize("=" + VALUES[kind])
        number = chance.choice(LIMITS) % 2**bits
        return number.to_bytes(bits // 8, "little" if order == "<" else "big")

    keys, used = [], set()
    alignment = 32
    if chance.random() < 0.4:
        alignment = chance.choice((1, 2, 8, 32, 64, 4096, 3, 0)) if chance.random() < 0.3 else chance.choice((8, 32, 64))
        kind = 4 if chance.random() < 0.95 else chance.choice((5, 0 if alignment < 256 else 2))
        keys.append(text(b"general.alignment") + pack("I", kind) + pack(VALUES[kind], alignment))
        alignment = alignment or 32
    for _ in range(chance.randrange(6)):
        name = a_name(chance, used)
        used.add(name)
        kind = chance.randrange(10 if version == 1 else 13)
        keys.append(text(name.encode()) + pack("I", kind) + value(kind, 0))
    chance.shuffle(keys)
    infos, used, offset = [], set(), 0
    for _ in range(chance.choice((0, 1, 1, 2, 3, 6))):
        kind = chance.choice(list(GGUF_TYPES))
        _, block, size = GGUF_TYPES[kind]
        shape, name = a_shape(chance, block), a_name(chance, used)
        used.add(name)
        elements = 1
        for dimension in shape:
            elements *= dimension
        at = chance.choice((offset + 1, offset + alignment, max(0, offset - alignment), chance.choice(LIMITS))) \
            if chance.random() < 0.05 else offset
        infos.append(text(name.encode()) + pack("I", len(shape)) +
                     b"".join(pack(length, min(d, top)) for d in reversed(shape)) + pack("I", kind) + pack("Q", at % 2**64))
        offset = min(-(-(at + elements // block * size) // alignment) * alignment, 2**64 - 64)
    header = b"GGUF" + pack("I", version) + pack(length, len(infos)) + pack(length, len(keys)) + b"".join(keys + infos)
    if infos or chance.random() < 0.5:
        header += bytes(-len(header) % alignment)
    return header + bytes(min(offset, 1 << 16))


def make_safetensors(chance):
    number = lambda n: str(n) if chance.random() < 0.99 else chance.choice((f"{n}.0", f"-{n}", f'"{n}"', f"{n}e0", "null"))  # noqa: E731
    blank = lambda: chance.choice(("", "", "", " ", "\n\t")) if chance.random() < 0.3 else ""  # noqa: E731
    quoted = lambda word: json.dumps(word, ensure_ascii=chance.random() < 0.5)  # noqa: E731
    fields, used, offset = [], set(), 0
    for _ in range(chance.choice((0, 1, 2, 3, 6))):
        dtype = chance.choice(list(BITS)) if chance.random() < 0.98 else chance.choice(("F33", "f32", ""))
        shape, name = a_shape(chance, 4 if BITS.get(dtype, 8) < 8 else 1), a_name(chance, used)
        used.add(name)
        bits = BITS.get(dtype, 8)
        for dimension in shape:
            bits *= dimension
        begin = chance.choice((offset + 1, max(0, offset - 1), chance.choice(LIMITS))) if chance.random() < 0.04 else offset
        end = begin + bits // 8 + (chance.choice((1, -1)) if chance.random() < 0.02 else 0)
        parts = [f'"dtype":{blank()}{quoted(dtype)}', f'"shape":[{",".join(map(number, shape))}]',
                 f'"data_offsets":{blank()}[{number(begin)},{blank()}{number(end)}]']
        chance.shuffle(parts)
        if chance.random() < 0.05:
            parts.append(chance.choice(parts + ['"more":[[{"x":null}],1e5]', '"more":NaN', '"dtyp\\u0065":"F32"', '"shape":[]']))
        if chance.random() < 0.02:
            parts.pop(0)
        if chance.random() < 0.02:
            depth = chance.choice((100, 124, 125, 126, 127, 200))
            parts.append('"deep":' + "[" * depth + "]" * depth)
        fields.append(quoted(name) + ":" + blank() + "{" + ("," + blank()).join(parts) + "}")
        offset = max(offset, min(end, 2**63))
    if chance.random() < 0.4:
        entries = [f'{quoted(chance.choice(WORDS) + str(i) * (chance.random() < 0.9))}:'
                   f'{quoted(chance.choice(WORDS)) if chance.random() < 0.97 else chance.choice(("7", "null", "[]"))}'
                   for i in range(chance.randrange(4))]
        fields.append('"__metadata__":' + ("{" + ",".join(entries) + "}" if chance.random() < 0.95 else chance.choice(("null", "7"))))
    chance.shuffle(fields)
    text = blank() + "{" + blank() + ("," + blank()).join(fields) + blank() + "}"
    header = text.encode() + b" " * (-len(text.encode()) % 8 if chance.random() < 0.7 else 0)
    if chance.random() < 0.03:
        header += chance.choice((b"\0", b"{}", b"x", b"  \n"))
    return struct.pack("<Q", len(header)) + header + bytes(min(offset, 1 << 16))


def break_a_little(chance, data):
    data = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at = chance.randrange(min(len(data), 600)) if data else 0
        what = chance.randrange(6)
        if what == 0 and data:
            data[at] ^= 1 << chance.randrange(8)
        elif what == 1:
            del data[chance.randrange(len(data) + 1):]
        elif what == 2:
            width = chance.choice((4, 8))
            data[at:at + width] = (chance.choice(LIMITS) % 2**(8 * width)).to_bytes(width, chance.choice(("little", "big")))
        elif what == 3:
            del data[at:at + chance.choice((1, 1, 4, 8))]
        elif what == 4:
            data[at:at] = bytes(chance.randrange(256) for _ in range(chance.choice((1, 1, 4, 8))))
        else:
            data += bytes(chance.choice((1, 31, 32, 100)))
    return bytes(data)


def make(seed):
    chance = random.Random(seed)
    suffix = chance.choice(("gguf", "safetensors"))
    data = make_gguf(chance) if suffix == "gguf" else make_safetensors(chance)
    return (break_a_little(chance, data) if chance.random() < 0.35 else data), suffix


def weigh_json(*arguments):
    done = subprocess.run([WEIGH, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    assert done.returncode in (0, 1), (done.returncode, done.stderr[-500:])
    return json.loads(done.stdout.decode("utf-8", "surrogatepass")) if done.stdout else None


def same_value(plain, found):
    if isinstance(plain, list):
        return isinstance(found, list) and len(plain) == len(found) and all(map(same_value, plain, found))
    if isinstance(plain, bytes):
        return not is_utf8(plain) or plain.decode() == found
    if isinstance(plain, float):
        return plain != plain or abs(plain) == float("inf") or isinstance(found, float) and same_float(plain, found)
    return plain == found and isinstance(plain, bool) == isinstance(found, bool)


def same_float(plain, found):
    """weigh prints an f32 with the fewest digits that mean it: of the smallest numbers, those are few."""
    close = abs(plain - found) <= 1e-6 * abs(plain)
    return close or abs(plain) < 1e-37 and abs(found) < 1e-37 and struct.pack("<f", plain) == struct.pack("<f", found)


def is_utf8(text):
    try:
        text.decode()
        return True
    except UnicodeDecodeError:
        return False


def compare_accepted(plain, path):
    """What differs between two readings of a file that both took; empty when nothing does."""
    found = weigh_json("tensors", "--json", path)["tensors"]
    if len(found) != len(plain.tensors):
        return f"{len(found)} tensors, not {len(plain.tensors)}"
    for (name, *rest), tensor in zip(plain.tensors, found):
        other = [tensor["dtype"], tensor["shape"], tensor["bytes"], tensor["offset"]]
        if rest != other or (is_utf8(name) and name.decode() != tensor["name"]):
            return f"tensor {tensor['name']!r}: {other}, not {rest} of {name!r}"
    if "duplicate-key" in plain.errors:
        return ""
    metadata = weigh_json("metadata", "--json", "--full", path)["metadata"]
    if len(metadata) != len(plain.metadata):
        return f"{len(metadata)} keys, not {len(plain.metadata)}"
    for (key, value), (other_key, other) in zip(plain.metadata, metadata.items()):
        if (is_utf8(key) and key.decode() != other_key) or not same_value(value, other):
            return f"key {other_key!r}: {other!r}, not {value!r} of {key!r}"
    return ""


def compare(path, data, suffix, refused, findings):
    try:
        plain = read(data, suffix)
    except Refused as why:
        return "refused" if refused else f"taken, and the other reader says: {why}"
    except Unsure:
        return "unsure"
    if refused:
        return f"refused ({refused}), and the other reader takes it"
    if findings != plain.errors:
        return f"findings {sorted(findings)}, not {sorted(plain.errors)}"
    return compare_accepted(plain, path) or ("with findings" if findings else "good")


def compare_batch(folder, seeds):
    made = {os.path.join(folder, f"{seed}.{suffix}"): (data, suffix) for seed in seeds for data, suffix in [make(seed)]}
    for path, (data, _) in made.items():
        with open(path, "wb") as file:
            file.write(data)
    report = weigh_json("--json", *made)
    refused = {error["path"]: error["message"] for error in report["errors"]}
    findings = {model["path"]: {f["code"] for f in model["findings"] if f["severity"] == "error"} & COMPARED
                for model in report["models"]}
    outcomes = []
    for path, (data, suffix) in made.items():
        assert (path in refused) != (path in findings), f"{path}: neither refused nor taken, or both"
        outcomes.append((path, compare(path, data, suffix, refused.get(path), findings.get(path))))
    return outcomes


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("weigh")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--keep", help="leave the files that differ there; all of them where it is one")
    options = parser.parse_args()
    global WEIGH
    WEIGH = os.path.abspath(options.weigh)
    print(f"seed {options.seed}, {options.count} files", flush=True)
    begin = time.monotonic()
    counts, wrong = {}, 0
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        batches = [range(options.seed + at, options.seed + min(at + 100, options.count)) for at in range(0, options.count, 100)]
        for outcomes in pool.map(lambda seeds: compare_batch(folder, seeds), batches):
            for path, outcome in outcomes:
                differs = outcome not in ("refused", "unsure", "with findings", "good")
                if differs:
                    wrong += 1
                    print(f"--seed {os.path.basename(path).split('.')[0]} --count 1: {outcome}")
                else:
                    counts[outcome] = counts.get(outcome, 0) + 1
                if options.keep and (differs or options.count == 1):
                    shutil.copy(path, options.keep)
    print(f"{counts}, {wrong} differ, {time.monotonic() - begin:.0f} s")
    # A generator that makes one kind only compares nothing.
    lopsided = options.count >= 1000 and (min(counts.get(k, 0) for k in ("good", "refused", "with findings")) < options.count // 25
                                          or counts.get("unsure", 0) > options.count // 10)
    return 1 if wrong or lopsided else 0


if __name__ == "__main__":
    sys.exit(main())
