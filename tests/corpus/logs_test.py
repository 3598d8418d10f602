#!/usr/bin/env python3
"""`weigh verify-log` on what llama.cpp printed of real loads: every figure agrees, to the last digit that is printed.

    logs_test.py WEIGH CORPUS

Exit status 77 (skipped) where there is no corpus."""
import json
import os
import subprocess
import sys

weigh, corpus = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
log = os.path.join(corpus, "runtime", "log-excerpts.txt")
if not os.path.exists(log):
    print("no logs at " + log)
    sys.exit(77)
sys.path.insert(0, corpus)
import check  # noqa: E402

done = subprocess.run([weigh, "verify-log", "--json", log, check.materialised(corpus)], capture_output=True, text=True, timeout=300)
document = json.loads(done.stdout)
wrong = [row for row in document["rows"] if row["error"] != 0 or not row["agrees"]]
with open(log, encoding="utf-8") as file:
    lines = file.read().splitlines()
# Each line with a figure is compared: a buffer once, and the exact size of a compute buffer in its place.
printed = sum(" buffer size = " in line for line in lines)
compared = sum(row["unit"] == "bytes" and row["device"] is not None for row in document["rows"])
loads = sum("model buffer size" in line for line in lines)
runs = sum(line.startswith("RUN ") for line in lines)
expected = printed - loads + runs  # weights stand in each run's table
print(f"{len(document['rows'])} figures in {len(document['runs'])} runs, {len(wrong)} off; {compared} of {expected} buffers")
for row in wrong:
    print(row)
sys.exit(0 if done.returncode == 0 and not wrong and len(document["runs"]) == runs and compared == expected else 1)
