#!/usr/bin/env python3
"""Holds `weigh fit` against published measurements of vLLM, SGLang, transformers and MLX.

    engine_runs.py WEIGH [--engine NAME] [--markdown]

Every measurement is a row, tried with the settings and the version of its source: published, ours, error and tolerance, the worst
first. Exit status 1 when a row is off that is not known to be, or is no longer off that is known to be."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass

import engine_models

GIB = 1 << 30
EXACT, PAGES, WEIGHTS, MXFP4, POOL, TRANSFORMERS, MLX = 0, 0.001, 0.005, 0.03, 0.05, 0.03, 0.06
ESTIMATE = 0.20  # fitted constants and what is called an estimate


@dataclass
class Row:
    id: str
    model: str
    options: str
    what: str
    published: float
    tolerance: float
    unit: str = "GiB"  # or GB, tokens, blocks, requests, yes
    near: float = 0  # absolute, in the unit: figures of few digits, or around 0
    assumed: str = ""
    misses: str = ""  # why it is off


@dataclass
class Untried:
    id: str
    model: str
    why: str


def vllm(id, model, device, version, options, figures, **more):
    said = f'--engine vllm --on "{device}" --engine-version {version} {options}'
    return [Row(id, model, said, *figure[:3], **{**more, **(figure[3] if len(figure) > 3 else {})})
            for figure in figures]


def pool(id, model, device, version, gib, options, figures, **more):
    """What so many GiB of cache hold: their rounding is the tolerance."""
    return vllm(id, model, device, version, f"--kv-cache-memory-bytes {int(gib * GIB)} {options}", figures, **more)


LLMD = "version not stated: 0.10"
SAMPLER = "the second model runner of 2026 needs less for the sampler, by a rule that is not known"
CARDS = "on four H100 vLLM and SGLang both had 1.1 to 1.4 GiB less than the rules leave; the source does not say what took it"
OLD = "engines before 0.8 counted the driver's context here, by no known rule"

ROWS = [
    *vllm("V01", "Llama-3.1-8B", "h100-sxm", "0.10", "--gpu-memory-utilization 0.9 --max-model-len 16000 --block-size 128", [
        ("weights", 14.99, WEIGHTS), ("activation", 4.76, ESTIMATE), ("outside", 0.13, 0, {"near": 0.05}),
        ("available", 51.38, POOL)], assumed=LLMD),
    *vllm("V02", "gpt-oss-20b", "h100-sxm", "0.10", "--gpu-memory-utilization 0.9 --max-model-len 16000", [
        ("weights", 13.47, MXFP4), ("activation", 7.38, ESTIMATE), ("outside", 0.13, 0, {"near": 0.05}),
        ("graphs", 0.39, 0, {"near": 0.7}), ("available", 50.28, POOL)], assumed=LLMD),
    *vllm("V04", "Llama-3.3-70B-FP8-dynamic", "2x h100-sxm", "0.10", "--gpu-memory-utilization 0.9 --max-model-len 16000", [
        ("weights", 33.88, WEIGHTS), ("activation", 4.84, ESTIMATE), ("outside", 0.55, 0, {"near": 0.05}),
        ("available", 32.0, POOL)], assumed=LLMD),
    *vllm("V05", "Llama-3.3-70B-FP8-dynamic", "h100-sxm", "0.10", "--gpu-memory-utilization 0.9 --max-model-len 16000", [
        ("weights", 67.72, WEIGHTS), ("activation", 4.84, ESTIMATE), ("outside", 0.14, 0, {"near": 0.05}),
        ("available", -1.44, 0, {"near": 0.2}), ("starts", 0, EXACT, {"unit": "yes"})], assumed=LLMD),
    *vllm("V06", "Qwen3-0.6B", "h100-sxm", "0.10", "--gpu-memory-utilization 0.9 --max-model-len 16000", [
        ("weights", 1.12, WEIGHTS), ("activation", 5.56, ESTIMATE), ("outside", 0.13, 0, {"near": 0.05}),
        ("graphs", 0.10, 0, {"near": 0.7}), ("available", 64.45, POOL)], assumed=LLMD),
    *vllm("V06", "Qwen3-0.6B", "h100-sxm", "0.10", "--gpu-memory-utilization 0.9 --max-model-len 32000", [
        ("available", 64.45, POOL)], assumed=LLMD),
    *vllm("V09", "DeepSeek-R1", "h100-sxm", "0.10", "--max-model-len 4096", [
        ("out of memory while loading", 1, EXACT, {"unit": "yes"})], assumed=LLMD),
    *vllm("V10", "Llama-3.1-8B", "a100-sxm-80gb", "0.31", "--gpu-memory-utilization 0.92 --max-model-len 131072", [
        ("weights", 15.0, WEIGHTS), ("weights and outside", 15.26, WEIGHTS, {"near": 0.15}),
        ("activation", 1.44, ESTIMATE), ("graphs", 0.23, 0, {"near": 0.7}), ("available", 56.21, POOL),
        ("tokens", 460_496, POOL, {"unit": "tokens"}), ("requests", 3.51, POOL, {"unit": "requests"})]),
    *pool("V10", "Llama-3.1-8B", "a100-sxm-80gb", "0.31", 56.21, "--max-model-len 131072", [
        ("tokens", 460_496, PAGES, {"unit": "tokens"}), ("requests", 3.51, PAGES, {"unit": "requests", "near": 0.005})]),
    *vllm("V11", "Llama-3.1-8B", "rtx-3090", "0.6", "--gpu-memory-utilization 0.9 --max-model-len 20000", [
        ("weights", 14.9888, WEIGHTS), ("activation", 2.07, POOL), ("available", 3.81, POOL), ("blocks", 1952, POOL, {"unit": "blocks"})]),
    *vllm("V11", "Llama-3.1-8B", "rtx-3090", "0.6", "--gpu-memory-utilization 0.9 --max-model-len 29000", [
        ("activation", 2.99, POOL), ("available", 2.89, POOL), ("blocks", 1478, POOL, {"unit": "blocks"}), ("starts", 0, EXACT, {"unit": "yes"})]),
    *pool("V11", "Llama-3.1-8B", "rtx-3090", "0.6", 3.81, "--max-model-len 20000", [
        ("blocks", 1952, 0.0015, {"unit": "blocks"}), ("requests", 1.56, PAGES, {"unit": "requests", "near": 0.005})]),
    *vllm("V12", "Llama-3-8B", "h100-sxm", "0.6", "--gpu-memory-utilization 0.9 --max-model-len 8192", [
        ("weights", 14.96, WEIGHTS), ("activation", 1.26, ESTIMATE), ("outside", 1.79, ESTIMATE, {"misses": OLD}),
        ("available", 53.29, POOL)], assumed="length 8192, the model's"),
    *vllm("V12", "Llama-3-8B", "2x h100-sxm", "0.6", "--gpu-memory-utilization 0.9 --max-model-len 8192", [
        ("weights", 7.48, WEIGHTS)]),
    *vllm("V13", "Qwen3-235B-A22B-FP8", "4x h100-sxm", "0.10", "--gpu-memory-utilization 0.9 --max-model-len 32768", [
        ("available", 8.11, POOL, {"misses": CARDS})], assumed="version 0.10, length 32768"),
    *pool("V13", "Qwen3-235B-A22B-FP8", "4x h100-sxm", "0.10", 8.11, "--max-model-len 32768", [
        ("tokens", 178_880, 0.015, {"unit": "tokens"})], assumed="another rank decides: 1.5 %"),
    *pool("V14", "Qwen3-Coder-30B-A3B-FP8", "2x rtx-5090", "0.15", 3.18, "--max-model-len 262144 --pipeline-parallel-size 2", [
        ("one request", 24.0, PAGES), ("longest", 34_736, 0.0016, {"unit": "tokens"}), ("starts", 0, EXACT, {"unit": "yes"})],
        assumed="the pool is that of the smaller card"),
    *vllm("V16", "Qwen3-30B-A3B", "4x rtx-4090", "0.8", "--max-model-len 8192", [("weights", 14.2474, WEIGHTS)],
          assumed="cards not stated"),
    *vllm("V20", "gpt-oss-120b", "h100-sxm", "0.11", "--gpu-memory-utilization 0.95 --max-num-batched-tokens 1024 --max-model-len 131072", [
        ("available", 1.71, POOL, {"near": 0.4, "misses": "1.3 GiB less was left there than the rules leave; "
                                   "sequences and version are not stated"}),
        ("starts", 0, EXACT, {"unit": "yes"})], assumed="version 0.11"),
    *vllm("V21", "Qwen3-8B", "rtx-3090", "0.21", "--gpu-memory-utilization 0.9764 --max-model-len 16384", [
        ("graphs", 0.52, 0, {"near": 0.7}), ("available", 6.37, POOL, {"misses": SAMPLER})],
        assumed="version 0.21, an RTX 3090: a 24 GB card"),
    *pool("V21", "Qwen3-8B", "rtx-3090", "0.21", 6.37, "--max-model-len 16384", [
        ("tokens", 46_368, PAGES, {"unit": "tokens"}), ("requests", 2.83, PAGES, {"unit": "requests", "near": 0.005})]),
    *pool("V25", "Qwen3.6-35B-A3B's cache", "rtx-5090", "0.24", 6.01, "--kv-cache-dtype fp8 --max-model-len 131072 --max-num-seqs 1", [
        ("tokens", 569_878, EXACT, {"unit": "tokens"}), ("blocks", 300, EXACT, {"unit": "blocks"}),
        ("requests", 4.35, PAGES, {"unit": "requests", "near": 0.005})]),
    *pool("V26", "Qwen3.8-27B's cache", "2x rtx-3090", "0.22", 4.99, "--kv-cache-dtype fp8 --max-model-len 131072 --max-num-seqs 8", [
        ("tokens", 302_921, EXACT, {"unit": "tokens"}), ("blocks", 208, EXACT, {"unit": "blocks"}),
        ("block", 1568, EXACT, {"unit": "tokens"})], assumed="version 0.22; widths beside the cache's"),
    *pool("V27", "Kimi-K2's cache", "8x h200", "0.12", 46.80, "--max-model-len 131072 --tensor-parallel-size 8", [
        ("tokens", 715_072, PAGES, {"unit": "tokens"})], assumed="version 0.12"),
    *pool("V27", "Kimi-K2's cache", "8x h200", "0.12", 46.80,
          "--max-model-len 131072 --tensor-parallel-size 8 --decode-context-parallel-size 8", [
              ("tokens", 5_721_088, PAGES, {"unit": "tokens"})], assumed="version 0.12"),
    *vllm("V31", "DeepSeek-R1", "8x h200", "0.9", "--max-model-len 4096", [("weights", 79.41, WEIGHTS)],
          assumed="H200 in place of Gaudi 3"),
    *vllm("V35", "gpt-oss-20b", "a100-sxm-80gb", "0.19", "--gpu-memory-utilization 0.65 --max-model-len 131072", [
        ("weights", 13.72, MXFP4), ("available", 36.56, POOL)]),
    *vllm("V38", "Qwen2.5-7B AWQ", "rtx-4060", "0.7", "--gpu-memory-utilization 0.70 --max-model-len 4096", [
        ("weights", 5.2032, WEIGHTS), ("activation", 1.42, ESTIMATE), ("available", -1.05, 0, {"near": 0.3, "misses":
         "the 8 GB card and what is outside of tensors on it are not stated"}),
        ("starts", 0, EXACT, {"unit": "yes"})], assumed="version 0.7, an RTX 4060"),
    *[row for length, tokens, requests in ((32768, 78_433, 2.39), (131072, 152_592, 1.16)) for row in
      pool("V48", "gemma-4-26B-A4B", "24GiB", "0.29", 4.25, f"--max-model-len {length} --max-num-batched-tokens 2496", [
          ("tokens", tokens, EXACT, {"unit": "tokens"}), ("requests", requests, PAGES, {"unit": "requests", "near": 0.005})])],
    *[row for name, dtype, tp, block in (("Qwen3.5-9B", "auto", 1, 528), ("Qwen3.8-27B", "auto", 1, 784),
                                         ("Qwen3.8-27B", "fp8", 1, 1568), ("Qwen3.8-27B", "fp8", 2, 1568),
                                         ("Qwen3.6-35B-A3B", "auto", 1, 1056), ("Qwen3.6-35B-A3B", "fp8", 1, 2096)) for row in
      vllm("1.6", name + "'s cache", f"{tp}x h100-sxm", "0.22", f"--kv-cache-dtype {dtype} --max-model-len 32768", [
          ("block", block, EXACT, {"unit": "tokens"})])],
    *[row for name, gib in (("gpt-oss-20b", 3.19), ("gpt-oss-120b", 4.79)) for row in
      vllm("1.5", name, "2x h100-sxm", "0.20", "--max-model-len 131072 --max-num-batched-tokens 8192 --tensor-parallel-size 1", [
          ("one request", gib, 0, {"near": 0.005})])],
    *[Row("6.2", name, f"--engine transformers --on a100-sxm-80gb --prompt {prompt} --generate 2048", "peak", gib, TRANSFORMERS)
      for name, peaks in (("Qwen2.5-0.5B", (0.97, 1.23, 1.60, 2.34)), ("Qwen2.5-14B", (28.08, 29.50, 31.95, 36.85)),
                          ("Qwen2.5-32B", (61.58, 63.72, 67.31, 74.47)),
                          ("Qwen2.5-32B GPTQ-Int8", (33.56, 35.86, 39.28, 46.45)))
      for prompt, gib in zip((1, 6144, 14336, 30720), peaks)],
    *[Row("6.3", name, "--engine mlx --on 64GiB --prompt 2048 --generate 128", "peak", gb, MLX, "GB")
      for name, gb in (("Qwen3-4B-2507", 9.02), ("Qwen3-4B-2507 8 bit", 5.254), ("Qwen3-4B-2507 4 bit", 3.35),
                       ("Qwen3-30B-A3B 8 bit", 33.46), ("Qwen3-30B-A3B 4 bit", 18.20))],
    Row("6.3", "Mistral-7B 4 bit", "--engine mlx --on 64GiB --prompt 33898 --generate 100", "peak", 9.111, MLX, "GB",
        assumed="100 tokens generated"),
    Row("6.4", "Qwen3-235B-A22B-FP8", '--engine sglang --on "4x h100-sxm" --gpu-memory-utilization 0.93 --max-model-len 32768',
        "tokens", 367_404, POOL, "tokens", misses=CARDS),
    Row("6.4", "Qwen3-235B-A22B-FP8", '--engine sglang --on "4x h100-sxm" --gpu-memory-utilization 0.93 --max-model-len 32768',
        "available", 16.46, POOL, misses=CARDS),
    Row("6.4", "Qwen3-235B-A22B-FP8", '--engine sglang --on "4x h100-sxm" --kv-cache-memory-bytes 17673790423 --max-model-len 32768',
        "tokens", 367_404, PAGES, "tokens", assumed="the pool's 16.46 GiB"),
]

UNTRIED = [
    Untried("V25, V26", "Qwen3.6-35B-A3B, Qwen3.8-27B", "what is available: packing and widths of the checkpoints are not known here; what it holds is tried"),
    Untried("V27", "Kimi-K2-Thinking", "what is available: cards and share are not published; what it holds is tried"),
    Untried("1.4", "Llama-3.2-11B-Vision", "36.63 GiB: what images of the largest size take is not counted (docs/serving.md 4.2)"),
    Untried("1.4", "a model of 1.5 GiB", "0.25 GiB of activation in the second model runner: the model is not named"),
    Untried("V16", "Qwen3-30B-A3B", "198,784 tokens: what was available is not published"),
    Untried("V41", "Qwen3.8-27B", "its widths are not known here, neither for the weights on each card nor for the pool"),
    Untried("V43", "Gemma-4-31B AWQ", "its shape is not known here; the jump from 55k to 525k tokens is one of printing (docs/serving.md 3.3)"),
    Untried("V44", "DeepSeek-V4-Flash", "how vLLM pages its caches is not known"),
    Untried("V50", "DeepSeek-V4-Flash", "likewise; tokens of a hybrid are no rate per byte"),
    Untried("6.3", "Mistral-7B 4 bit", "12.257 GB were measured before mlx-lm changed its causal mask (March 2025)"),
]


def serving(key, scale=1):
    return lambda fit: (fit["serving"][key] or 0) / scale


def on_each(key):
    return lambda fit: fit["serving"]["per_device"][key] / GIB


def peak(fit):
    return sum(fit["need"][part] or 0 for part in ("weights", "kv_cache", "state", "compute"))


FIGURES = {
    "weights": on_each("weight_bytes"), "activation": on_each("activation_bytes"), "outside": on_each("non_torch_bytes"),
    "graphs": on_each("graph_bytes"), "available": on_each("available_kv_bytes"), "tokens": serving("pool_tokens"),
    "weights and outside": lambda fit: on_each("weight_bytes")(fit) + on_each("non_torch_bytes")(fit),
    "blocks": serving("blocks"), "requests": serving("max_concurrency"), "block": serving("block_tokens"),
    "longest": serving("max_model_len"), "one request": serving("request_bytes", GIB), "starts": serving("starts"),
    "out of memory while loading": lambda fit: "out of memory while loading" in (fit["serving"]["error"] or ""),
    "peak": lambda fit: peak(fit) / GIB, "peak in GB": lambda fit: peak(fit) / 1e9,
}


def engine_of(row):
    return row.options.split()[1]


class Runs:
    def __init__(self, weigh, folder):
        self.weigh, self.folder, self.fits = weigh, folder, {}

    def path(self, model):
        path = os.path.join(self.folder, "".join(c if c.isalnum() else "-" for c in model))
        if not os.path.exists(path):
            engine_models.MODELS[model]().write(path)
        return path

    def fit(self, row):
        key = row.model, row.options
        if key not in self.fits:
            command = f'{self.weigh} fit {self.path(row.model)} {row.options} --json'
            done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
            if not done.stdout:
                raise SystemExit(f"{row.id}: {command}: {done.stderr}")
            self.fits[key] = json.loads(done.stdout)["models"][0]["fit"][0]
        return self.fits[key]

    def figure(self, row):
        return float(FIGURES["peak in GB" if row.unit == "GB" else row.what](self.fit(row)))


def is_within(row, ours):
    return abs(ours - row.published) <= max(row.near, row.tolerance * abs(row.published))


def error_of(row, ours):
    return (ours - row.published) / abs(row.published) if row.published else ours - row.published


def number(value, unit):
    if unit == "yes":
        return "yes" if value else "no"
    return f"{value:,.0f}" if unit in ("tokens", "blocks") else f"{value:.2f}{'' if unit == 'requests' else ' ' + unit}"


def tolerance_text(row):
    if row.unit == "yes" or (row.tolerance == 0 and row.near == 0):
        return "exact"
    text = f"{row.tolerance:.1%}".replace(".0%", " %").replace("%", " %").replace("  ", " ") if row.tolerance else ""
    return text + (" or " if text and row.near else "") + (f"{row.near:g}" if row.near else "")


def tried(runs, engine):
    rows = [(row, runs.figure(row)) for row in ROWS if engine in (None, engine_of(row))]
    # Figures around 0 and estimates that may be off by an absolute amount are last of those within.
    return sorted(rows, key=lambda pair: (is_within(*pair), -abs(error_of(*pair))))


def settings(row):
    words = row.options.split(" ", 2)[2].replace('"', "")
    return words.replace("--on ", "").replace("--gpu-memory-utilization", "share").replace("--", "")


def report_wrong(runs, engine):
    """Files that are not of the published size, and rows that are off or no longer off against what is known."""
    wrong = 0
    for name, gib in engine_models.FILE_GIB.items() if engine is None else ():
        size = os.path.getsize(os.path.join(runs.path(name), "model.safetensors")) / GIB
        if abs(size - gib) > 0.002 * gib:
            print(f"{name}: a file of {size:.3f} GiB is made, {gib} are published", file=sys.stderr)
            wrong += 1
    for row, ours in tried(runs, engine):
        if is_within(row, ours) == bool(row.misses):
            print(f"{row.id} {row.model} {row.what}: {number(ours, row.unit)}, published {number(row.published, row.unit)}: "
                  + ("no longer misses" if row.misses else "is off"), file=sys.stderr)
            wrong += 1
    return wrong


def markdown(runs):
    titles = {"vllm": "vLLM", "sglang": "SGLang", "transformers": "transformers", "mlx": "MLX"}
    for engine, title in titles.items():
        print(f"\n### {title}\n")
        print("| row | model | settings | figure | published | ours | error | tolerance | |\n" + "| --- " * 9 + "|")
        for row, ours in tried(runs, engine):
            error = "" if row.unit == "yes" else f"{error_of(row, ours):+.1%}".replace("%", " %")
            note = f"misses: {row.misses}" if row.misses else f"assumed: {row.assumed}" if row.assumed else ""
            print(f"| {row.id} | {row.model} | {settings(row)} | {row.what} | {number(row.published, row.unit)} | "
                  f"{number(ours, row.unit)} | {error} | {tolerance_text(row)} | {note} |")
    print("\n### Not tried\n\n| row | model | why |\n| --- | --- | --- |")
    for row in UNTRIED:
        print(f"| {row.id} | {row.model} | {row.why} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weigh")
    parser.add_argument("--engine")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = Runs(os.path.abspath(options.weigh), folder)
        if options.markdown:
            markdown(runs)
            return 1 if report_wrong(runs, None) else 0
        for row, ours in tried(runs, options.engine):
            state = "ok" if is_within(row, ours) else "known to miss" if row.misses else "OFF"
            print(f"{row.id:<4} {row.model:<26} {row.what:<20} {number(row.published, row.unit):>12} "
                  f"{number(ours, row.unit):>12} {error_of(row, ours):>+8.2%}  {tolerance_text(row):<14} {state}")
        wrong = report_wrong(runs, options.engine)
        print(f"{len(ROWS)} rows, {wrong} wrong; {len(UNTRIED)} cannot be tried")
        return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
