#!/usr/bin/env python3
"""Times weigh on a checkpoint of 91,482 tensors in 163 shards, whose headers are true and whose data is sparse.

    tests/bench/large_checkpoint.py build/release/weigh [RUNS]"""
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time

LAYERS, EXPERTS, SHARDS = 79, 384, 163
H, F = 7168, 2048


def tensors():
    for layer in range(LAYERS):
        block = f"model.layers.{layer}."
        for name, shape in (("q_proj", [H, H]), ("k_proj", [512, H]), ("v_proj", [512, H]), ("o_proj", [H, H])):
            yield f"{block}self_attn.{name}.weight", shape
        yield block + "input_layernorm.weight", [H]
        yield block + "mlp.gate.weight", [EXPERTS, H]
        for expert in range(EXPERTS):
            for name, shape in (("gate_proj", [F, H]), ("up_proj", [F, H]), ("down_proj", [H, F])):
                yield f"{block}mlp.experts.{expert}.{name}.weight", shape


def write(folder):
    rows = list(tensors())
    each = -(-len(rows) // SHARDS)
    where, total = {}, 0
    for shard in range(SHARDS):
        file = f"model-{shard + 1:05d}-of-{SHARDS:06d}.safetensors"
        header, at = {}, 0
        for name, shape in rows[shard * each:(shard + 1) * each]:
            size = 2
            for dimension in shape:
                size *= dimension
            header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + size]}
            where[name] = file
            at += size
        text = json.dumps(header, separators=(",", ":")).encode()
        with open(os.path.join(folder, file), "wb") as out:
            out.write(struct.pack("<Q", len(text)) + text)
            out.truncate(8 + len(text) + at)
        total += at
    with open(os.path.join(folder, "model.safetensors.index.json"), "w") as out:
        json.dump({"metadata": {"total_size": total}, "weight_map": where}, out)
    with open(os.path.join(folder, "config.json"), "w") as out:
        json.dump({"model_type": "deepseek_v3", "num_hidden_layers": LAYERS, "n_routed_experts": EXPERTS,
                   "num_experts_per_tok": 8, "hidden_size": H}, out)
    return len(rows)


def main(weigh, runs):
    with tempfile.TemporaryDirectory() as folder:
        count = write(folder)
        seconds = []
        for _ in range(runs + 1):
            start = time.perf_counter()
            subprocess.run([weigh, "--json", folder], stdout=subprocess.DEVNULL, check=True)
            seconds.append(time.perf_counter() - start)
        seconds = seconds[1:]  # the first warms the cache
        print(f"{count} tensors in {SHARDS} shards: median {1000 * statistics.median(seconds):.0f} ms, "
              f"{1000 * min(seconds):.0f} to {1000 * max(seconds):.0f} over {runs} runs")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 9)
