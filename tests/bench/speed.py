#!/usr/bin/env python3
"""How fast weigh is, beside programs that do the least anybody can: speed.py WEIGH [options]

    --only P1,P4     those rows alone; all: version P1 P1b P2 P3 P4 P7 P8 deep
    --growth         instead: tensors 10^3 to 10^6 in one checkpoint, models 10^2 to 10^5 in one tree
    --cold           P1 to P4 with their pages dropped from memory before each run (P8 is cold always)
    --runs N         rounds (7); a command over 2 s runs at most 3
    --inputs FOLDER  where inputs are made, once, and left (build/speed; 4 GiB of disk)
    --markdown       the table as docs/speed.md has it

All commands of a row run in turn, round after round, each a process of its own; times are of the whole process, medians
of all rounds. `ratio` is weigh's time over the limit's, of medians. Inputs have headers as published models have them, made by
numbers that are the same on every machine; the data of tensors are holes. The programs beside weigh are built when they
are not there (limits.cpp, peers.cpp, empty.cpp).
"""
import argparse
import json
import math
import os
import random
import shutil
import statistics
import struct
import subprocess
import sys

# ------------------------------------------------------------------------------------------------ files of models

GGML = {"F32": (0, 1, 4), "Q4_K": (12, 256, 144), "Q5_K": (13, 256, 176), "Q6_K": (14, 256, 210), "Q8_0": (8, 32, 34)}
SIZES = {"F32": 4, "BF16": 2, "F8_E4M3": 1}
PACKED = {"u32": (4, "<I"), "f32": (6, "<f")}


def string(text):
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(data)) + data


def entry(key, kind, value):
    if kind == "text":
        return string(key) + struct.pack("<I", 8) + string(value)
    if kind == "texts":
        return string(key) + struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(string, value))
    if kind == "i32s":
        return string(key) + struct.pack("<IIQ", 9, 5, len(value)) + struct.pack(f"<{len(value)}i", *value)
    number, form = PACKED[kind]
    return string(key) + struct.pack("<I", number) + struct.pack(form, value)


def write_gguf(path, entries, tensors):
    infos, offset = [], 0
    for name, shape, dtype in tensors:
        number, elements, size = GGML[dtype]
        infos.append(string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, number, offset))
        offset += -(-(math.prod(shape) // elements * size) // 32) * 32
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries)) + b"".join(entries) + b"".join(infos)
    with open(path, "wb") as file:
        file.write(head)
        file.truncate(-(-len(head) // 32) * 32 + offset)
    return len(head)


def write_safetensors(path, tensors):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, dtype, shape in tensors:
        end = offset + SIZES[dtype] * math.prod(shape)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + offset)
    return 8 + len(text)


def write_json(path, value, **how):
    with open(path, "w") as file:
        json.dump(value, file, **how)


def tokens(source, count, mean):
    """Words as a byte-pair vocabulary has them; half begin with the two bytes that stand for a blank."""
    letters = b"etaoinshrdlucmfwypvbgkjqxzETAOINSHRDLU0123456789_-."
    made = []
    for _ in range(count):
        word = bytes(source.choices(letters, k=1 + min(int(source.expovariate(1 / mean)), 15)))
        made.append(b"\xc4\xa0" + word if source.random() < 0.5 else word)
    return made


def vocabulary(source, count, merges, mean=4.2):
    words = tokens(source, count, mean)
    short = [word for word in words if len(word) <= 8]
    entries = [entry("tokenizer.ggml.model", "text", "gpt2"), entry("tokenizer.ggml.pre", "text", "llama-bpe"),
               entry("tokenizer.ggml.tokens", "texts", words), entry("tokenizer.ggml.token_type", "i32s", [1] * count)]
    if merges:
        pairs = [source.choice(short) + b" " + source.choice(short) for _ in range(merges)]
        entries.append(entry("tokenizer.ggml.merges", "texts", pairs))
    return entries + [entry("tokenizer.ggml.bos_token_id", "u32", 0), entry("tokenizer.ggml.eos_token_id", "u32", 1),
                      entry("tokenizer.chat_template", "text", "{% for m in messages %}{{ m.content }}{% endfor %}" * 10)]


def description(architecture, layers, embedding, feed_forward, heads, kv_heads, file_type, **more):
    numbers = {"block_count": layers, "context_length": 8192, "embedding_length": embedding,
               "feed_forward_length": feed_forward, "attention.head_count": heads, "attention.head_count_kv": kv_heads,
               "rope.dimension_count": 128, **more}
    entries = [entry("general.architecture", "text", architecture), entry("general.name", "text", "speed"),
               entry("general.file_type", "u32", file_type), entry("general.quantization_version", "u32", 2),
               entry(architecture + ".rope.freq_base", "f32", 5e5),
               entry(architecture + ".attention.layer_norm_rms_epsilon", "f32", 1e-5)]
    return entries + [entry(f"{architecture}.{key}", "u32", value) for key, value in numbers.items()]


def more_bits(layer, layers):
    """Where llama.cpp's mixes of types have the larger one."""
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def llama_tensors(layers, words, embedding, feed_forward, kv, small, large):
    made = [("token_embd.weight", (embedding, words), small)]
    for i in range(layers):
        mixed = large if more_bits(i, layers) else small
        made += [(f"blk.{i}.{name}.weight", shape, dtype) for name, shape, dtype in (
            ("attn_norm", (embedding,), "F32"), ("ffn_down", (feed_forward, embedding), mixed),
            ("ffn_gate", (embedding, feed_forward), small), ("ffn_up", (embedding, feed_forward), small),
            ("ffn_norm", (embedding,), "F32"), ("attn_k", (embedding, kv), small),
            ("attn_output", (embedding, embedding), small), ("attn_q", (embedding, embedding), small),
            ("attn_v", (embedding, kv), mixed))]
    return made + [("output_norm.weight", (embedding,), "F32"), ("output.weight", (embedding, words), large)]


def moe_tensors(count, embedding, feed_forward, experts):
    """As many tensors of a mixture of experts whose experts are tensors of their own."""
    made, layer = [("model.embed_tokens.weight", "BF16", (151936, embedding)), ("model.norm.weight", "BF16", (embedding,))], 0
    while len(made) < count:
        block = f"model.layers.{layer}."
        made += [(block + name + ".weight", "BF16", (embedding,)) for name in ("input_layernorm", "post_attention_layernorm")]
        made += [(f"{block}self_attn.{name}_proj.weight", "BF16", (embedding, embedding)) for name in "qkvo"]
        made.append((block + "mlp.gate.weight", "BF16", (experts, embedding)))
        for expert in range(experts):
            made += [(f"{block}mlp.experts.{expert}.{name}_proj.weight", "BF16", shape) for name, shape in (
                ("down", (embedding, feed_forward)), ("gate", (feed_forward, embedding)), ("up", (feed_forward, embedding)))]
        layer += 1
    return made[:count]


def deepseek_tensors():
    """DeepSeek-V3 in FP8, a scale beside each matrix; the layer that predicts two tokens ahead included: 91,991."""
    hidden = 7168

    def scaled(name, rows, columns):
        return [(name + ".weight", "F8_E4M3", (rows, columns)),
                (name + ".weight_scale_inv", "F32", (-(-rows // 128), -(-columns // 128)))]

    made = [("model.embed_tokens.weight", "BF16", (129280, hidden))]
    for layer in range(62):
        block = f"model.layers.{layer}."
        made += [(block + name + ".weight", "BF16", (size,)) for name, size in (
            ("input_layernorm", hidden), ("post_attention_layernorm", hidden), ("self_attn.q_a_layernorm", 1536),
            ("self_attn.kv_a_layernorm", 512))]
        for name, rows, columns in (("q_a_proj", 1536, hidden), ("q_b_proj", 24576, 1536), ("kv_b_proj", 32768, 512),
                                    ("kv_a_proj_with_mqa", 576, hidden), ("o_proj", hidden, 16384)):
            made += scaled(block + "self_attn." + name, rows, columns)
        if layer < 3:
            owners, width = ["mlp."], 18432
        else:
            owners, width = ["mlp.shared_experts."] + [f"mlp.experts.{i}." for i in range(256)], 2048
            made += [(block + "mlp.gate.weight", "BF16", (256, hidden)),
                     (block + "mlp.gate.e_score_correction_bias", "F32", (256,))]
        for owner in owners:
            for name, rows, columns in (("gate_proj", width, hidden), ("up_proj", width, hidden), ("down_proj", hidden, width)):
                made += scaled(block + owner + name, rows, columns)
    block = "model.layers.61."
    made += [(block + name, "BF16", shape) for name, shape in (
        ("embed_tokens.weight", (129280, hidden)), ("enorm.weight", (hidden,)), ("hnorm.weight", (hidden,)),
        ("eh_proj.weight", (hidden, 2 * hidden)), ("shared_head.norm.weight", (hidden,)),
        ("shared_head.head.weight", (129280, hidden)))]
    return made + [("model.norm.weight", "BF16", (hidden,)), ("lm_head.weight", "BF16", (129280, hidden))]


def write_shards(folder, tensors, count, indent=None):
    where, total, each = {}, 0, -(-len(tensors) // count)
    for i in range(count):
        name, part = f"model-{i + 1:05}-of-{count:06}.safetensors", tensors[i * each:(i + 1) * each]
        write_safetensors(os.path.join(folder, name), part)
        where.update((tensor[0], name) for tensor in part)
        total += sum(SIZES[dtype] * math.prod(shape) for _, dtype, shape in part)
    write_json(os.path.join(folder, "model.safetensors.index.json"), {"metadata": {"total_size": total}, "weight_map": where},
               indent=indent)


CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 512, "num_hidden_layers": 8,
          "num_attention_heads": 8, "num_key_value_heads": 8, "vocab_size": 151936, "max_position_embeddings": 4096,
          "torch_dtype": "bfloat16"}

# ------------------------------------------------------------------------------------------------ inputs


def make_p1(folder):
    write_gguf(os.path.join(folder, "llama-3-8b.gguf"),
               description("llama", 32, 4096, 14336, 32, 8, 15, vocab_size=128256) +
               vocabulary(random.Random(1), 128256, 280147, 5.6),
               llama_tensors(32, 128256, 4096, 14336, 1024, "Q4_K", "Q6_K"))


def make_p1b(folder):
    hidden, words = 7168, 129280
    tensors = [("token_embd.weight", (hidden, words), "Q4_K"), ("output_norm.weight", (hidden,), "F32"),
               ("output.weight", (hidden, words), "Q6_K")]
    for i in range(61):
        rows = [("attn_norm", (hidden,), "F32"), ("attn_q_a", (hidden, 1536), "Q4_K"), ("attn_q_a_norm", (1536,), "F32"),
                ("attn_q_b", (1536, 24576), "Q4_K"), ("attn_kv_a_mqa", (hidden, 576), "Q8_0"),
                ("attn_kv_a_norm", (512,), "F32"), ("attn_kv_b", (512, 32768), "Q8_0"),
                ("attn_output", (16384, hidden), "Q4_K"), ("ffn_norm", (hidden,), "F32")]
        if i < 3:
            rows += [("ffn_gate", (hidden, 18432), "Q4_K"), ("ffn_up", (hidden, 18432), "Q4_K"),
                     ("ffn_down", (18432, hidden), "Q6_K")]
        else:
            large = "Q6_K" if more_bits(i, 61) else "Q4_K"
            rows += [("ffn_gate_inp", (hidden, 256), "F32"), ("ffn_gate_exps", (hidden, 2048, 256), "Q4_K"),
                     ("ffn_up_exps", (hidden, 2048, 256), "Q4_K"), ("ffn_down_exps", (2048, hidden, 256), large),
                     ("ffn_gate_shexp", (hidden, 2048), "Q4_K"), ("ffn_up_shexp", (hidden, 2048), "Q4_K"),
                     ("ffn_down_shexp", (2048, hidden), large)]
            tensors.append((f"blk.{i}.exp_probs_b.bias", (256,), "F32"))
        tensors += [(f"blk.{i}.{name}.weight", shape, dtype) for name, shape, dtype in rows]
    assert len(tensors) == 1025
    write_gguf(os.path.join(folder, "deepseek-v3.gguf"),
               description("deepseek2", 61, hidden, 18432, 128, 1, 15, expert_count=256, expert_used_count=8,
                           expert_shared_count=1, leading_dense_block_count=3, expert_feed_forward_length=2048,
                           vocab_size=words) + vocabulary(random.Random(2), words, 127741, 4.2), tensors)


def make_p2(folder):
    write_safetensors(os.path.join(folder, "many.safetensors"), moe_tensors(400_000, 2048, 1408, 384))


def make_p3(folder):
    tensors = deepseek_tensors()
    assert len(tensors) == 91_991
    write_shards(folder, tensors, 163, indent=2)
    write_json(os.path.join(folder, "config.json"),
               dict(CONFIG, model_type="deepseek_v3", architectures=["DeepseekV3ForCausalLM"], hidden_size=7168,
                    num_hidden_layers=61, n_routed_experts=256, num_experts_per_tok=8, n_shared_experts=1,
                    first_k_dense_replace=3, vocab_size=129280))


OTHERS = ["README.md", "LICENSE", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
          "generation_config.json", "vocab.txt", "merges.txt"]
MIXES = [("Q4_K_M", 15, "Q4_K", "Q6_K"), ("Q5_K_M", 17, "Q5_K", "Q6_K"), ("Q6_K", 18, "Q6_K", "Q6_K"), ("Q8_0", 7, "Q8_0", "Q8_0")]


def write_others(folder, names):
    for name in names:
        with open(os.path.join(folder, name), "wb") as file:
            file.write(b"{}\n" if name.endswith(".json") else b"")
            file.truncate(3 if name.endswith("config.json") else 5000)
    return len(names)


def make_p4(folder):
    """What downloads leave: 1,250 folders of a GGUF in four types, 4,000 of one safetensors file, 250 of four shards:
    9,250 models in 10,000 files with headers of 20 to 200 KB, and 100,000 other files."""
    source = random.Random(4)
    words = list(map(string, tokens(source, 12000, 4.2)))
    grown = [0]
    for word in words:
        grown.append(grown[-1] + len(word) + 4)
    tables = [llama_tensors(40, 4096, 1024, 2816, 256, small, large) for _, _, small, large in MIXES]
    moe = moe_tensors(1900, 512, 256, 128)
    size = lambda: int(20000 * 10 ** source.random())
    others = 0
    for i in range(1250):
        own = os.path.join(folder, f"gguf/org{i % 50:02}/model-{i:04}-GGUF")
        os.makedirs(own)
        for (mix, number, _, _), table in zip(MIXES, tables):
            room = size() - 19000
            count = max(1, next((n for n, end in enumerate(grown) if end > room), len(words)) - 1)
            entries = description("llama", 40, 1024, 2816, 16, 4, number)
            entries.append(string("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, count) + b"".join(words[:count]))
            entries.append(entry("tokenizer.ggml.token_type", "i32s", [1] * count))
            write_gguf(os.path.join(own, f"model-{i:04}.{mix}.gguf"), entries, table)
        others += write_others(own, OTHERS)
    for i in range(4000):
        own = os.path.join(folder, f"hf/org{i % 80:02}/model-{i:04}")
        os.makedirs(own)
        write_safetensors(os.path.join(own, "model.safetensors"), moe[:size() // 118])
        write_json(os.path.join(own, "config.json"), CONFIG)
        others += 1 + write_others(own, OTHERS[:7])
    for i in range(250):
        own = os.path.join(folder, f"hf/sharded/model-{i:04}")
        os.makedirs(own)
        write_shards(own, moe[:4 * min(400, size() // 118)], 4)
        write_json(os.path.join(own, "config.json"), CONFIG)
        others += 2 + write_others(own, OTHERS[:6])
    for i in range((100_000 - others) // 20):
        own = os.path.join(folder, f"code/p{i // 20:03}/d{i % 20:02}")
        os.makedirs(own)
        write_others(own, [f"file{n:02}.{('py', 'json', 'txt', 'onnx', 'csv')[n % 5]}" for n in range(20)])


def make_models(folder, count):
    """So many models and nothing else, 20 in a folder."""
    table = llama_tensors(4, 4096, 1024, 2816, 256, "Q4_K", "Q6_K")
    entries = description("llama", 4, 1024, 2816, 16, 4, 15)
    for i in range(count):
        own = os.path.join(folder, f"{i // 2000:03}", f"{i // 20 % 100:03}")
        if i % 20 == 0:
            os.makedirs(own)
        write_gguf(os.path.join(own, f"model-{i}.gguf"), entries + [entry("general.size_label", "u32", i)], table)


def make_deep(folder):
    """2 GiB of F16, all of it there: random numbers, one bit of each exponent never set, so that all are finite."""
    block = bytearray(random.Random(5).randbytes(1 << 20))
    block[1::2] = bytes(byte & 0xBB for byte in block[1::2])
    path, each = os.path.join(folder, "model.safetensors"), 64 << 20
    header = {f"model.layers.{i}.mlp.up_proj.weight": {"dtype": "F16", "shape": [each // 8192, 4096],
                                                       "data_offsets": [i * each, (i + 1) * each]} for i in range(32)}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _ in range(2048):
            file.write(block)
    with open(os.path.join(folder, "SHA256SUMS"), "w") as sums:
        subprocess.run(["sha256sum", "model.safetensors"], cwd=folder, stdout=sums, check=True)


def made(name, make):
    """The folder of an input, made where it is not there yet."""
    folder = os.path.join(INPUTS, name)
    if not os.path.exists(folder):
        print(f"making {folder}", file=sys.stderr)
        shutil.rmtree(folder + ".new", ignore_errors=True)
        os.makedirs(folder + ".new")
        make(folder + ".new")
        os.rename(folder + ".new", folder)
    return folder


def headers_below(folder):
    """A line "BYTES PATH" for each header, and for an index.json, as `speed_limits read` takes them; their sum."""
    lines, total = [], 0
    for here, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(here, name)
            if name.endswith(".index.json"):
                size = os.path.getsize(path)
            elif name.endswith(".safetensors"):
                with open(path, "rb") as file:
                    size = 8 + struct.unpack("<Q", file.read(8))[0]
            elif name.endswith(".gguf"):
                # Written without a hole: the header ends where the data begins.
                with open(path, "rb") as file:
                    size = header_of_gguf(file)
            else:
                continue
            lines.append(f"{size} {path}\n")
            total += size
    return "".join(lines), total


def header_of_gguf(file):
    _, _, tensors, keys = struct.unpack("<4sIQQ", file.read(24))
    read = lambda form: struct.unpack(form, file.read(struct.calcsize(form)))

    def skip_value(kind):
        if kind == 8:
            file.seek(read("<Q")[0], 1)
        elif kind == 9:
            inner, count = read("<IQ")
            if inner != 8:
                return file.seek(4 * count, 1)
            for _ in range(count):
                file.seek(read("<Q")[0], 1)
        else:
            file.seek(4, 1)
        return None

    for _ in range(keys):
        file.seek(read("<Q")[0], 1)
        skip_value(read("<I")[0])
    for _ in range(tensors):
        file.seek(read("<Q")[0], 1)
        file.seek(8 * read("<I")[0] + 12, 1)
    return file.tell()


# ------------------------------------------------------------------------------------------------ runs


class Command:
    def __init__(self, name, *arguments, stdin=None, before=None):
        self.name, self.arguments, self.stdin, self.before = name, list(map(str, arguments)), stdin, before
        self.walls, self.cpus, self.peaks, self.bytes = [], [], [], []

    def run(self):
        if self.before:
            self.before()
        out = os.path.join(INPUTS, "output")
        with open(self.stdin or os.devnull) as stdin:
            done = subprocess.run([LIMITS, "time", out] + self.arguments, stdin=stdin, stdout=subprocess.PIPE, text=True, check=True)
        wall, cpu, peak, read, status = done.stdout.split()
        if status != "0":
            sys.exit(f"{' '.join(self.arguments)}: exit status {status}")
        self.walls.append(float(wall))
        self.cpus.append(float(cpu))
        self.peaks.append(int(peak) / 1024)
        self.bytes.append(int(read))

    @property
    def wall(self):
        return statistics.median(self.walls)


def measure(commands, runs):
    """All of them once, to warm up, then in turn."""
    slow = set()
    for command in commands:
        command.run()
        if command.walls.pop() > 2e6:
            slow.add(command)
        for figures in (command.cpus, command.peaks, command.bytes):
            figures.pop()
    for i in range(runs):
        for command in commands:
            if i < 3 or command not in slow:
                command.run()
    return commands


def duration(micros):
    if micros < 1000:
        return f"{micros:.0f} us"
    return f"{micros / 1000:.{2 if micros < 10_000 else 1 if micros < 100_000 else 0}f} ms"


COLUMNS = ["row", "work", "limit", "takes", "weigh takes", "of processors", "ratio", "goal", "peak MiB", "reads MB", "note"]


def print_row(cells):
    if ARGUMENTS.markdown:
        print("| " + " | ".join(cells) + " |", flush=True)
    else:
        widths = [8, 46, 38, 11, 12, 14, 8, 14, 9, 9, 0]
        print(" ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip(), flush=True)


def print_result(row, work, weigh, limit, goal="", note="", ratio=None):
    print_row([row, work, limit.name, duration(limit.wall), duration(weigh.wall),
               duration(statistics.median(weigh.cpus)), ratio or f"{weigh.wall / limit.wall:.2f}", goal, f"{statistics.median(weigh.peaks):.0f}",
               f"{statistics.median(weigh.bytes) / 1e6:.1f}", note])


def listed(name, folder):
    lines, total = headers_below(folder)
    path = os.path.join(INPUTS, name + ".list")
    with open(path, "w") as file:
        file.write(lines)
    return path, total


def dropper(folder):
    return lambda: subprocess.run([LIMITS, "forget", folder], check=True)


def report_row(row, work, name, make, goals, peer=None):
    """A full report of one model beside reading its headers, and beside what parses them in simdjson alone."""
    folder = made(name, make)
    paths, total = listed(name, folder)
    files = sorted(os.path.join(folder, file) for file in os.listdir(folder) if file.endswith((".gguf", ".safetensors")))
    before = dropper(folder) if ARGUMENTS.cold else None
    target = folder if len(files) > 1 else files[0]
    commands = [Command("reading the headers", LIMITS, "read", 1, stdin=paths, before=before)]
    if peer:
        commands.append(Command("simdjson's walk", PEERS, "headers", *files, before=before))
    weigh = Command("weigh", WEIGH, "inspect", target, "--json", before=before)
    measure(commands + [weigh], ARGUMENTS.runs)
    for limit, goal in zip(commands, goals):
        print_result(row, f"{work}, {total / 1e6:.1f} MB", weigh, limit, goal)


def row_version():
    limit, weigh = Command("an empty program", EMPTY), Command("weigh", WEIGH, "--version")
    measure([limit, weigh], 5 * ARGUMENTS.runs)
    print_result("version", "weigh --version", weigh, limit, "2")


def row_p1():
    report_row("P1", "GGUF, 408,403 strings", "p1", make_p1, ["2"])


def row_p1b():
    report_row("P1b", "GGUF, 1,025 tensors, 61 layers", "p1b", make_p1b, ["3"])


def row_p2():
    report_row("P2", "safetensors, 400,000 tensors", "p2", make_p2, ["", "1"], peer=True)


def row_p3():
    report_row("P3", "163 shards, 91,991 tensors", "p3", make_p3, ["", "2"], peer=True)


def row_p4():
    folder = made("p4", make_p4)
    paths, total = listed("p4", folder)
    before = dropper(folder) if ARGUMENTS.cold else None
    limit = Command("reading the headers", LIMITS, "read", 1, stdin=paths, before=before)
    walk = Command("listing the folders", LIMITS, "list", folder, before=before)
    weigh = Command("weigh", WEIGH, "scan", folder, "--format", "jsonl", before=before)
    measure([limit, walk, weigh], ARGUMENTS.runs)
    read = statistics.median(weigh.bytes) / total
    print_result("P4", f"scan, 10,000 files, {total / 1e6:.0f} MB", weigh, limit, "4, reads 1.2", f"reads {read:.2f} of the headers")
    print_result("P4", "", weigh, walk)


def second_scan(folder, name):
    database = os.path.join(INPUTS, name + ".sqlite")
    if os.path.exists(database):
        os.remove(database)
    scan = [WEIGH, "scan", folder, "--db", database, "--quiet"]
    subprocess.run(scan, check=True, stdout=subprocess.DEVNULL)
    limit, weigh = Command("listing, and a stat of each", LIMITS, "stat", folder), Command("weigh", *scan)
    measure([limit, weigh], ARGUMENTS.runs)
    return limit, weigh


def row_p7():
    limit, weigh = second_scan(made("p7", lambda folder: make_models(folder, 10_000)), "p7")
    print_result("P7", "second scan with --db, 10,000 models", weigh, limit, "3 us a model", f"{weigh.wall / 10_000:.1f} us a model")
    limit, weigh = second_scan(made("p4", make_p4), "p4")
    print_result("P7", "likewise, the tree of P4", weigh, limit, "", f"{weigh.wall / 9250:.1f} us a model")


def row_p8():
    folder = made("p4", make_p4)
    paths, total = listed("p4", folder)
    limit = Command("reading the headers, 8 threads", LIMITS, "read", 8, stdin=paths, before=dropper(folder))
    weigh = Command("weigh", WEIGH, "scan", folder, "--format", "jsonl", "--threads", 8, before=dropper(folder))
    measure([limit, weigh], min(ARGUMENTS.runs, 3))
    print_result("P8", f"P4 cold, {total / 1e6:.0f} MB", weigh, limit, "1.5")


def row_deep():
    folder = made("deep", make_deep)
    file = os.path.join(folder, "model.safetensors")
    digest, read = Command("SHA-256 in memory", PEERS, "sha256", 2048), Command("reading the file", PEERS, "bytes", file)
    weigh = Command("weigh", WEIGH, "audit", "--deep", folder)
    measure([digest, read, weigh], min(ARGUMENTS.runs, 5))
    limit = max(digest, read, key=lambda command: command.wall)
    speed = (2 << 30) / weigh.wall / 1000
    print_result("deep", "audit --deep, 2 GiB, a digest to compare", weigh, limit, "0.90", f"{speed:.2f} GB/s",
                 f"{limit.wall / weigh.wall:.2f}")


ROWS = {"version": row_version, "P1": row_p1, "P1b": row_p1b, "P2": row_p2, "P3": row_p3, "P4": row_p4, "P7": row_p7,
        "P8": row_p8, "deep": row_deep}


def print_growth():
    print_row(["what", "how many", "takes", "each", "peak MiB"])
    for power in range(3, 7):
        count = 10 ** power
        # A header has at most 100 MB.
        folder = made(f"tensors-{count}", lambda own: write_shards(own, moe_tensors(count, 64, 64, 384), -(-count // 100_000)))
        command = Command("", WEIGH, "inspect", folder, "--json")
        measure([command], min(ARGUMENTS.runs, 5))
        print_row(["tensors", f"{count:,}", duration(command.wall), f"{command.wall / count:.2f} us", f"{max(command.peaks):.0f}"])
    for power in range(2, 6):
        count = 10 ** power
        folder = made("p7" if count == 10_000 else f"models-{count}", lambda own: make_models(own, count))
        command = Command("", WEIGH, "scan", folder, "--format", "jsonl")
        measure([command], min(ARGUMENTS.runs, 5))
        print_row(["models", f"{count:,}", duration(command.wall), f"{command.wall / count:.1f} us", f"{max(command.peaks):.0f}"])


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("weigh")
    parser.add_argument("--only", default="")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--inputs", default="build/speed")
    parser.add_argument("--markdown", action="store_true")
    return parser.parse_args()


ARGUMENTS = arguments()
WEIGH, INPUTS = os.path.abspath(ARGUMENTS.weigh), os.path.abspath(ARGUMENTS.inputs)
BUILD = os.path.dirname(WEIGH)
LIMITS, PEERS, EMPTY = (os.path.join(BUILD, "tests", "speed_" + name) for name in ("limits", "peers", "empty"))


def main():
    wanted = [row for row in ARGUMENTS.only.split(",") if row] or list(ROWS)
    if unknown := [row for row in wanted if row not in ROWS]:
        sys.exit(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}")
    if not all(map(os.path.exists, (LIMITS, PEERS, EMPTY))):
        subprocess.run(["cmake", "--build", BUILD, "--target", "speed_limits", "speed_peers", "speed_empty"], check=True,
                       stdout=sys.stderr)
    os.makedirs(INPUTS, exist_ok=True)
    if ARGUMENTS.growth:
        return print_growth()
    print_row(COLUMNS)
    if ARGUMENTS.markdown:
        print_row(["---"] * len(COLUMNS))
    for row in wanted:
        ROWS[row]()
    return None


main()
