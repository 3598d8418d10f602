#!/usr/bin/env python3
"""What a stranger may send to exhaust whoever looks at it, each met with 256 MiB of memory and 5 s of processor time.

    limits_test.py WEIGH TESTDATA [CASE...]"""
import contextlib
import gzip
import io
import json
import os
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib

MIB = 1 << 20
ADDRESS_SPACE = 256 * MIB
SECONDS = 5
DEEP = b'{"a":' * 100_000
WIDE = b"[" + b"[]," * 5_000_000 + b"[]]"
HASH = "0123456789abcdef" * 4
COMMIT = "0123456789abcdef0123456789abcdef01234567"

cases = []


def case(*command, status, says, env=None, memory=ADDRESS_SPACE):
    """A function that fills a folder; afterwards `command` in it must end with `status` and say `says`."""
    def add(build):
        cases.append((build.__name__, build, command, status, says, env or {}, memory))
        return build
    return add


def write(path, content):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def safetensors(tensors, padding=0):
    header = json.dumps(tensors, separators=(",", ":")).encode() + b" " * padding
    size = max((fields["data_offsets"][1] for name, fields in tensors.items() if name != "__metadata__"), default=0)
    return struct.pack("<Q", len(header)) + header + bytes(size)


WEIGHTS = safetensors({"model.embed_tokens.weight": {"dtype": "F16", "shape": [2, 4], "data_offsets": [0, 16]}})


def model_with(name, content):
    write("model.safetensors", WEIGHTS)
    write(name, content)


def add_json_cases():
    kinds = {"deep": (DEEP, "nesting deeper than 128 levels"), "wide": (WIDE, "bytes, more than"),
             "narrow": (b"[" + b"[]," * 345_000 + b"[]]", "more than 200000 values")}
    for kind, (content, says) in kinds.items():
        for command in ["inspect", "audit", "metadata"]:
            def build(content=content):
                model_with("config.json", content)
            build.__name__ = f"{kind} config.json, {command}"
            case(command, ".", status=0, says="" if command == "metadata" else says)(build)
        for name in ["generation_config.json", "model_index.json", "tokenizer_config.json"]:
            def build(name=name, content=content):
                model_with(name, content)
            build.__name__ = f"{kind} {name}, audit"
            case("audit", ".", status=0, says="" if (kind, name) == ("narrow", "tokenizer_config.json") else says)(build)

        def build(content=content):
            model_with("config.json", content)
            os.makedirs("b")
            write("b/model.safetensors", WEIGHTS)
            write("b/config.json", content + b" ")
        build.__name__ = f"{kind} config.json, diff"
        case("diff", ".", "b", status=0, says="")(build)

        def build(content=content):
            write("model.safetensors", WEIGHTS)
            write("model.safetensors.index.json", b'{"weight_map":{"model.embed_tokens.weight":"model.safetensors"},"x":'
                  + content + b"}")
        build.__name__ = f"{kind} index, audit"
        case("audit", ".", status=1 if kind == "deep" else None, says="")(build)


add_json_cases()


def cached_repository(files, tree):
    repository = "models--org--name"
    for name in files:
        write(f"{repository}/snapshots/{COMMIT}/{name}", WEIGHTS)
    write(f"{repository}/trees/{COMMIT}.json", tree)


@case("audit", f"models--org--name/snapshots/{COMMIT}", status=0, says="is a download that was not finished")
def a_list_of_4000_files():
    files = [f"part{i}.safetensors" for i in range(4000)]
    entry = {"size": len(WEIGHTS), "blob_id": HASH[:40]}
    cached_repository(files, json.dumps({"format_version": 1, "files": dict.fromkeys(files, entry)}).encode())
    write("models--org--name/blobs/x.incomplete", b"")


@case("audit", f"models--org--name/snapshots/{COMMIT}", status=0, says="")
def a_deep_list_of_files():
    cached_repository(["model.safetensors"], b'{"format_version":1,"files":' + DEEP)


def ollama_store(layers):
    write("manifests/registry.ollama.ai/library/name/latest", json.dumps({"layers": layers}, separators=(",", ":")).encode())
    write("blobs/sha256-" + HASH, WEIGHTS)


def layer(kind, digest=HASH, **more):
    return {"mediaType": "application/vnd.ollama.image." + kind, "digest": "sha256:" + digest, **more}


@case("verify-log", "a.log", status=1, says="has no line that llama.cpp")
def a_log_of_one_line():
    write("a.log", b"x: CUDA0 KV buffer size " * 4_000_000)


@case("verify-log", "a.log", "model.safetensors", status=1, says="")
def a_log_of_many_models():
    line = b"== m%d: real memory-mapped loads\nRUN 4294967296:f16:-1:4294967296:65536:0:0\nx: CUDA%d compute buffer size = 9.00 MiB\n"
    write("model.safetensors", WEIGHTS)
    write("a.log", b"".join(line % (i, i) for i in range(20_000)))


@case("inspect", ".", status=0, says="name:latest")
def many_layers_of_one_digest():
    ollama_store([layer("tensor")] * 7000)


@case("audit", ".", status=None, says="")
def many_files_of_one_digest():
    ollama_store([layer("tensor")] + [layer("json", name=f"{i}_config.json") for i in range(5000)])


@case("inspect", ".", status=1, says="1048576")
def a_manifest_of_20000_layers():
    ollama_store([layer("tensor")] * 20_000)


# A zstd frame without a content size: blocks that repeat one byte, 128 KiB each.
ZSTD_FRAME = bytes.fromhex("28b52ffd") + b"\x00" + b"\x58"


def repeated(count, last=False):
    return ((131072 << 3 | 1 << 1 | last).to_bytes(3, "little") + b"\0") * count


@case("inspect", "model.gguf.zst", status=1, says="more than")
def a_stream_that_unpacks_to_33_gb():
    write("model.gguf.zst", ZSTD_FRAME + repeated(250_000) + repeated(1, True))


@case("scan", ".", status=1, says="more than")
def a_scan_over_a_stream_that_unpacks_to_33_gb():
    write("model.gguf.zst", ZSTD_FRAME + repeated(250_000) + repeated(1, True))


@case("audit", ".", status=0, says="config-unreadable: config.json zstd stream: found more than")
def configs_that_unpack_to_33_gb():
    model_with("config.json", ZSTD_FRAME + repeated(250_000) + repeated(1, True))
    write("notes.weigh.zst", ZSTD_FRAME + repeated(250_000) + repeated(1, True))


@case("inspect", "model.gguf.zst", status=1, says="is empty")
def five_million_empty_blocks():
    write("model.gguf.zst", ZSTD_FRAME + bytes(3) * 5_000_000 + b"\1\0\0")


@case("inspect", "model.gguf.zst", status=1, says="")
def five_million_empty_frames():
    write("model.gguf.zst", (ZSTD_FRAME + b"\1\0\0") * 1_700_000)


@case("devices", status=2, says="is not a regular file", env={"WEIGH_DEVICES": "pipe"})
def devices_from_a_named_pipe():
    os.mkfifo("pipe")


@case("devices", status=2, says="larger than", env={"WEIGH_DEVICES": "devices.csv"})
def devices_of_many_lines():
    write("devices.csv", b"id,name,memory\n" + b"a,b,1GB\n" * 500_000)


# Real headers: three times their bytes are enough, whatever they hold.
def gguf(keys, tensors=()):
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    return head + b"".join(keys) + b"".join(tensors) + bytes(64)


def text(value):
    return struct.pack("<Q", len(value)) + value


ARCHITECTURE = text(b"general.architecture") + struct.pack("<I", 8) + text(b"llama")


def add_header_case(name, file, content, most):
    def build():
        write(file, content())
    build.__name__ = name
    for command in ["inspect", "audit"]:
        case(command, file, status=None, says="", memory=("resident", most))(build)


add_header_case("a vocabulary of 40 MB", "model.gguf",
                lambda: gguf([ARCHITECTURE, text(b"tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2_300_000)
                              + b"".join(text(b"tok%06d" % i) for i in range(2_300_000))]), 3)
add_header_case("a description of 40 MB", "model.safetensors",
                lambda: safetensors({"__metadata__": {"text": "x" * 40_000_000}}), 3)
add_header_case("380,000 tensors of safetensors", "model.safetensors", lambda: safetensors(
    {f"model.layers.{i % 100}.mlp.experts.{i // 100}.gate_proj.weight":
     {"dtype": "BF16", "shape": [0, 4096], "data_offsets": [0, 0]} for i in range(380_000)}), 3)


@case("inspect", "model.gguf", status=1, says="not enough memory", memory=64 * MIB)
def a_header_that_memory_is_too_short_for():
    write("model.gguf", gguf([ARCHITECTURE, text(b"text") + struct.pack("<I", 8) + text(b"x" * 90_000_000)]))


@case("inspect", "model.safetensors", status=1, says="not enough memory", memory=64 * MIB)
def a_safetensors_header_that_memory_is_too_short_for():
    write("model.safetensors", safetensors({"__metadata__": {"text": "x" * 90_000_000}}))


@case("audit", "model.safetensors", status=1, says="not enough memory", memory=64 * MIB)
def an_audit_that_memory_is_too_short_for():
    write("model.safetensors", safetensors({"__metadata__": {"text": "x" * 90_000_000}}))


def audit_case(says, status=None):
    def add(build):
        def fill():
            write("model.safetensors", WEIGHTS)
            write("config.json", b"{}")
            build()
        fill.__name__ = build.__name__
        case("audit", ".", status=status, says=says)(fill)
        return build
    return add


CALL = b"cos\nsystem\n(S'id'\ntR."


@audit_case(says="'os.system'", status=1)
def a_pickle_behind_a_packed_megabyte():
    write("a.dat", gzip.compress(b"N0" * 500_000 + CALL))


@audit_case(says="", status=0)
def three_hundred_packed_bombs():
    bomb = zlib.compress(bytes(100_000_000), 9)
    for i in range(300):
        write(f"{i}.dat", bomb)


@audit_case(says="'os.system'", status=1)
def an_archive_of_60000_members():
    with zipfile.ZipFile("a.bin", "w") as archive:
        for i in range(60_000):
            archive.writestr(f"{i}", b"x")
        archive.writestr("data.pkl", CALL)


@audit_case(says="", status=0)
def archives_within_archives():
    inner = b"x"
    for _ in range(20):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in ("a", "b"):
                archive.writestr(name, inner)
        inner = buffer.getvalue()
    write("a.zip", inner)


@audit_case(says="")
def a_pickle_of_many_marks():
    write("a.p", b"\x80\x02" * 500_000)
    write("b.p", b"cos\nsystem\n" * 80_000)
    write("c.p", b"(" * 1_000_000 + CALL)


@audit_case(says="template-unusual")
def a_template_of_brackets():
    write("chat_template.jinja", b"{{ " + b"(" * 1_000_000)


@audit_case(says="", status=0)
def ten_thousand_small_files():
    for i in range(10_000):
        write(f"{i % 100}/{i}.txt", b"cos and sin\n" * 20)


def low_memory_case(mebibytes):
    def build():
        write("model.safetensors", WEIGHTS)
        write("model.gguf", gguf([ARCHITECTURE, text(b"text") + struct.pack("<I", 8) + text(b"x" * 30_000_000)]))
    build.__name__ = f"a scan in {mebibytes} MiB"
    case("scan", ".", "--threads", "4", status=None, says="", memory=mebibytes * MIB)(build)


for mebibytes in range(24, 72, 4):
    low_memory_case(mebibytes)


def run(weigh, build, command, status, says, env, memory):
    build()
    resident = isinstance(memory, tuple)

    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        if not resident:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    child = subprocess.Popen([weigh, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=limit,
                             env={**os.environ, "NO_COLOR": "1", "LC_ALL": "C.UTF-8", **env})
    output = child.stdout.read().decode(errors="replace")
    _, state, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(state)
    flat = " ".join(output.split())
    if child.returncode < 0 or (status is not None and child.returncode != status):
        return f"exit {child.returncode}: {flat[:300]}"
    if says not in flat:
        return f"does not say {says!r}: {flat[:300]}"
    if len(output) > MIB:
        return f"{len(output)} bytes of output"
    if resident:
        most = memory[1] * os.path.getsize(command[-1]) + 12 * MIB  # what the program itself takes
        if usage.ru_maxrss * 1024 > most:
            return f"{usage.ru_maxrss >> 10} MiB in memory, expected at most {most >> 20}"
    return None


def main(weigh, testdata, *wanted):
    with open(weigh, "rb") as program:
        code = program.read()
    if b"__asan_init" in code or b"__tsan_init" in code:
        print("a sanitizer maps terabytes of address space for itself")
        return 77
    failed = 0
    for name, build, *rest in cases:
        if wanted and not any(word in name for word in wanted):
            continue
        folder = tempfile.mkdtemp()
        with contextlib.chdir(folder) if hasattr(contextlib, "chdir") else contextlib.nullcontext():
            problem = run(weigh, build, *rest)
        shutil.rmtree(folder)
        if problem:
            failed += 1
            print(f"{name} ({' '.join(rest[0])}): {problem}")
    print(f"{len(cases)} cases, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), *sys.argv[2:]))
