"""A second reader of both formats, written from docs/formats.md 2 and 3 alone: plain, slow and short.

read(bytes, suffix) gives a File or raises Refused; Unsure where the page leaves the answer to a table that only weigh
has (element types of forks)."""
import json
import struct
from dataclasses import dataclass, field

MAX64 = 2**64 - 1


class Refused(Exception):
    pass


class Unsure(Exception):
    pass


@dataclass
class File:
    tensors: list = field(default_factory=list)  # (name, dtype, shape, bytes, absolute offset)
    metadata: list = field(default_factory=list)  # (key, value); keys and names are bytes
    errors: set = field(default_factory=set)  # codes of error findings


def need(condition, why):
    if not condition:
        raise Refused(why)


def product(numbers):
    result = 1
    for number in numbers:
        result *= number
        need(result <= MAX64, "elements beyond 64 bits")
    return result


def repeated(names):
    return len(set(names)) != len(names)


def check_layout(file, data, header_bytes, alignment, holes_are_errors):
    """docs/formats.md 7 and the findings of 2.4 and 3.2. Offsets of the tensors count from the header's end."""
    used = total = 0
    for _, _, _, size, offset in sorted(file.tensors, key=lambda t: (t[4], t[4] + t[3])):
        total += size
        need(offset + size <= MAX64 and total <= MAX64, "an end beyond 64 bits")
        if offset % alignment:
            file.errors.add("tensor-misaligned")
        if offset < used:
            file.errors.add("tensor-overlap")
        if offset > used and holes_are_errors:
            file.errors.add("data-hole")
        used = max(used, offset + size)
    end = header_bytes + used
    need(end <= MAX64, "an end beyond 64 bits")
    if end > len(data) and used:
        file.errors.add("truncated")
    if end < len(data) and holes_are_errors:
        file.errors.add("trailing-bytes")
    file.tensors = [(name, dtype, shape, size, header_bytes + offset) for name, dtype, shape, size, offset in file.tensors]
    return file


# --- GGUF

# id: name, elements of a block, bytes of a block
GGUF_TYPES = {0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
              8: ("Q8_0", 32, 34), 12: ("Q4_K", 256, 144), 14: ("Q6_K", 256, 210), 24: ("I8", 1, 1), 25: ("I16", 1, 2),
              26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8), 30: ("BF16", 1, 2)}
VALUES = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9


class Gguf:
    def __init__(self, data):
        self.data, self.at, self.order = data, 4, "<"
        need(data[:4] == b"GGUF", "magic")
        self.version = self.number("I")
        if self.version and self.version & 0xFFFF == 0:
            self.order, self.at = ">", 4
            self.version = self.number("I")
        need(self.version in (1, 2, 3), "version")
        self.length = "I" if self.version == 1 else "Q"

    def take(self, count):
        need(count <= len(self.data) - self.at, "the header ends early")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, code):
        return struct.unpack(self.order + code, self.take(struct.calcsize("=" + code)))[0]

    def string(self):
        return self.take(self.number(self.length))

    def value_type(self):
        kind = self.number("I")
        need(kind <= (9 if self.version == 1 else 12), "value type")
        return kind

    def value(self, kind, depth=0):
        if kind == STRING:
            return self.string()
        if kind != ARRAY:
            return bool(self.take(1)[0]) if kind == 7 else self.number(VALUES[kind])
        need(depth < 8, "arrays deeper than 8 levels")
        element, count = self.value_type(), self.number(self.length)
        need(count <= len(self.data) - self.at, "array length")
        return [self.value(element, depth + 1) for _ in range(count)]

    def read(self):
        file, alignment = File(), 32
        tensors, keys = self.number(self.length), self.number(self.length)
        need(tensors <= len(self.data) and keys <= len(self.data), "counts")
        for _ in range(keys):
            key, kind = self.string(), self.value_type()
            value = self.value(kind)
            file.metadata.append((key, value))
            if key == b"general.alignment":
                need(kind == 4 and value and value & (value - 1) == 0, "alignment")
                alignment = value
            file.errors |= {"empty-key"} if not key else {"long-key"} if len(key) > 65535 else set()
        infos = []
        for _ in range(tensors):
            name, dimensions = self.string(), self.number("I")
            need(dimensions <= 4, "dimensions")
            shape = [self.number(self.length) for _ in range(dimensions)][::-1]
            infos.append((name, shape, self.number("I"), self.number("Q")))
        for name, shape, kind, offset in infos:
            need(product(shape) < 2**63 and all(d < 2**63 for d in shape), "elements beyond 2^63")
            if kind not in GGUF_TYPES:
                raise Unsure(f"type {kind}")
            dtype, block, size = GGUF_TYPES[kind]
            row = shape[-1] if shape else 1
            need(row % block == 0, "a row that is no multiple of the block")
            file.errors |= {"zero-dimension"} if 0 in shape else set()
            file.errors |= {"long-tensor-name"} if len(name) >= 128 else set()
            file.tensors.append((name, dtype, shape, product(shape) // block * size, offset))
        file.errors |= {"duplicate-key"} if repeated([key for key, _ in file.metadata]) else set()
        file.errors |= {"duplicate-tensor"} if repeated([info[0] for info in infos]) else set()
        header = -(-self.at // alignment) * alignment if infos else self.at
        return check_layout(file, self.data, header, alignment, False)


# --- safetensors

BITS = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
        "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
        "C64": 64, "F64": 64, "I64": 64, "U64": 64}
BLANKS = b" \t\n\r"


def no_word(word):
    raise Refused(f"{word} is no JSON")


def depth_of(text):
    depth = deepest = at = 0
    while at < len(text):
        if text[at] == '"':
            at += 1
            while at < len(text) and text[at] != '"':
                at += 2 if text[at] == "\\" else 1
        depth += (text[at:at + 1] in ("{", "[")) - (text[at:at + 1] in ("}", "]")) if at < len(text) else 0
        deepest = max(deepest, depth)
        at += 1
    return deepest


def unsigned(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX64


def read_safetensors(data):
    need(len(data) >= 8, "shorter than a length")
    length = int.from_bytes(data[:8], "little")
    need(length <= 100_000_000 and length <= len(data) - 8, "header length")
    header = data[8:8 + length]
    need(header.lstrip(BLANKS)[:1] == b"{", "no object")
    try:
        text = header.decode("utf-8")
        need(depth_of(text) <= 127, "nesting")
        fields = json.loads(text, object_pairs_hook=lambda pairs: pairs, parse_constant=no_word,
                            parse_int=lambda digits: -1 if digits[0] == "-" else int(digits))  # -0 is no unsigned integer
        names = [name.encode("utf-8") for name, _ in fields]
        json.dumps(fields, ensure_ascii=False).encode("utf-8")  # half a pair of surrogates anywhere is an error
    except (ValueError, RecursionError, UnicodeError) as problem:
        raise Refused(str(problem)) from problem
    file = File()
    need(names.count(b"__metadata__") <= 1, "two __metadata__")
    for name, (_, value) in zip(names, fields):
        if name == b"__metadata__":
            # An empty object and an empty list are the same to this reader.
            need(value is None or isinstance(value, list) and all(isinstance(p, tuple) for p in value), "__metadata__")
            for key, text in value or []:
                need(isinstance(text, str), "a metadata value")
                file.metadata.append((key.encode("utf-8"), text.encode("utf-8")))
            continue
        need(isinstance(value, list) and all(isinstance(pair, tuple) for pair in value), "no object")
        known = [(key, part) for key, part in value if key in ("dtype", "shape", "data_offsets")]
        need(sorted(key for key, _ in known) == ["data_offsets", "dtype", "shape"], "fields")
        part = dict(known)
        need(isinstance(part["dtype"], str) and part["dtype"] in BITS, "dtype")
        need(isinstance(part["shape"], list) and all(map(unsigned, part["shape"])), "shape")
        need(isinstance(part["data_offsets"], list) and all(map(unsigned, part["data_offsets"])), "data_offsets")
        need(len(part["data_offsets"]) == 2, "data_offsets")
        begin, end = part["data_offsets"]
        bits = product(part["shape"]) * BITS[part["dtype"]]
        need(bits <= MAX64 and bits % 8 == 0 and begin <= end and end - begin == bits // 8, "size")
        file.tensors.append((name, part["dtype"], part["shape"], bits // 8, begin))
    file.errors |= {"duplicate-tensor"} if repeated([tensor[0] for tensor in file.tensors]) else set()
    file.errors |= {"duplicate-key"} if repeated([key for key, _ in file.metadata]) else set()
    return check_layout(file, data, 8 + length, 1, True)


def read(data, suffix):
    return Gguf(data).read() if suffix == "gguf" else read_safetensors(data)
