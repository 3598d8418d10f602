#!/usr/bin/env python3
"""Public reports of people who do this job, rebuilt as small inputs, where they are next to the project; exit status 77
where they are not.

    cases_test.py WEIGH CASES"""
import os
import subprocess
import sys

# All but gemma4-vllm-window, which wants vLLM's pools of sliding layers.
RIGHT = """
pipeline-sum mistral-two-copies ministral-two-copies finetune-checkpoint gpt-oss-three-copies stray-4bit six-digits
stale-index short-shard mistral-native-moe appledouble-scan imatrix-no-model mmproj-no-model size-of-digest
size-8x22b ollama-mxfp8 ollama-store-path lora-with-embedding comfy-int8 comfy-fp8-block sdxl-long-names
autoround-w3 qwen36-27b-kv gemma4-e4b-kv glm52-indexer dsv4-kv unknown-arch gemma4-mlx qwen36-35b-vllm
nemotron3-vllm nemotron3-count granite4h-vllm dsv32-fp8-vllm mla-tensor-parallel dsv4-mlx qwen3-30b-tp4
""".split()


def main(weigh, cases):
    check = os.path.join(cases, "check_cases.py")
    if not os.path.exists(check):
        print("there are no cases")
        return 77
    return subprocess.run([sys.executable, check, *RIGHT], env=dict(os.environ, WEIGH=weigh)).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
