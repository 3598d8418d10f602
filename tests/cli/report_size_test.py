#!/usr/bin/env python3
"""A report for three devices stands on a terminal of 80 columns and 24 lines, the answer first: every model of testdata,
by inspect and by fit. A command's own line may be longer.

    report_size_test.py WEIGH TESTDATA"""
import os
import re
import subprocess
import sys
import unicodedata

weigh, testdata = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
LINES, COLUMNS = 24, 80
DEVICES = ["rtx-4090", "rtx-3060", "m4-16gb"]
problems = []


def width(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def paths():
    for folder, _, names in sorted(os.walk(os.path.join(testdata, "snapshots"))):
        yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(".zst"))
    good = os.path.join(testdata, "gguf/good")
    yield from (os.path.join(good, name) for name in sorted(os.listdir(good)) if name.endswith(".gguf"))


def look(command, path):
    arguments = [a for device in DEVICES for a in ("--on", device)]
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "COLUMNS": str(COLUMNS)}
    done = subprocess.run([weigh, command, path, *arguments], capture_output=True, text=True, env=environment, timeout=60)
    lines = done.stdout.splitlines()
    name = f"{command} {os.path.relpath(path, testdata)}"
    is_command = re.compile(r"  (llama-server|vllm serve|mlx_lm\.server|python) ")
    if len(lines) > LINES:
        problems.append(f"{name}: {len(lines)} lines")
    for line in lines:
        if width(line) > COLUMNS and not is_command.match(line) and " " in line.strip():
            problems.append(f"{name}: {width(line)} columns: {line}")
    first = next((i for i, line in enumerate(lines) if re.match(r"  rtx-4090 +(fits|tight|offload|no|broken)\b", line)), None)
    none = any("runs with its base model: name it" in line or "nothing that runs" in line for line in lines[:3])
    if not none and (first is None or first > 8):
        problems.append(f"{name}: the answer is not at the top: {lines[:3]}")


looked = 0
for path in paths():
    for command in ("inspect", "fit"):
        look(command, path)
        looked += 1
for problem in problems[:30]:
    print(problem)
print(f"{looked} reports, {len(problems)} faults")
sys.exit(1 if problems or looked < 40 else 0)
