#!/usr/bin/env python3
"""Follows the advice of `weigh fit`: what it proposes, asked for in its place, must give "fits".

    advice_test.py WEIGH CORPUS

Every model of the corpus on ten devices, at its largest context and at 4096 tokens. Exit status 77 (skipped) where
there is no corpus."""
import concurrent.futures
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
weigh, corpus = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
if not os.path.exists(os.path.join(corpus, "check.py")):
    print("no corpus at " + corpus)
    sys.exit(77)
sys.path.insert(0, corpus)
import check  # noqa: E402

DEVICES = [["macbook-air-8gb"], ["m2-ultra-192gb"], ["rtx-4060"], ["rtx-3060"], ["rtx-4090"], ["2x rtx-4090"], ["h100-sxm"],
           ["16GiB"], ["raspberry-pi-5-8gb"], ["rtx-4090", "rtx-3060"]]
CONTEXTS = ["4096", "max"]


def fit(arguments):
    done = subprocess.run([weigh, "fit", "--json", *arguments], capture_output=True, text=True, timeout=120)
    try:
        return json.loads(done.stdout)["models"][0]["fit"][0]
    except (ValueError, KeyError, IndexError):
        return {"verdict": "nothing: " + done.stderr.strip()[:200], "advice": []}


def arguments_of(path, flags):
    """Flags by name; --on may stand several times and is replaced as a whole."""
    arguments = [path]
    for flag, values in flags.items():
        for value in values:
            arguments += [flag] if value is None else [flag, value]
    return arguments


def follow(path, devices, context):
    flags = {"--on": devices, "--context": [context]}
    if len(devices) > 1:
        flags["--together"] = [None]
    first = fit(arguments_of(path, flags))
    wrong = []
    if first["verdict"] not in ("fits", "tight", "offload", "no", "broken"):
        wrong.append(f"{path} on {devices} at {context}: {first['verdict']}")
    for advice in first["advice"]:
        changed = {name: values for name, values in flags.items()}
        if advice["flags"][0] == "--on":
            changed.pop("--together", None)
        for i in range(0, len(advice["flags"]), 2):
            changed[advice["flags"][i]] = [advice["flags"][i + 1]]
        second = fit(arguments_of(path, changed))
        if second["verdict"] not in ("fits", "offload") or second["need"]["total"] != advice["need_bytes"]:
            wrong.append(f"{path} on {devices} at {context}: {advice['flags']}: {second['verdict']}, {second.get('reason')}")
    return len(first["advice"]), wrong, (first["verdict"], [advice["kind"] for advice in first["advice"]])


expected = json.load(open(os.path.join(corpus, "expected.json")))["models"]
folder = check.materialised(corpus)
paths = []
for name in expected:
    full = json.load(open(os.path.join(corpus, "models", name + ".expected.json")))
    paths.append(check.path_of(folder, name, full))
jobs = [(path, devices, context) for path in paths for devices in DEVICES for context in CONTEXTS]
with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
    results = list(pool.map(lambda job: follow(*job), jobs))
problems = [line for _, wrong, _ in results for line in wrong]
for line in problems[:20]:
    print(line)
if "--verbose" in sys.argv:
    for job, (_, _, found) in zip(jobs, results):
        print(os.path.basename(job[0]), job[1], job[2], *found)
print(f"{len(jobs)} fits, {sum(count for count, _, _ in results)} proposals, {len(problems)} not true")
sys.exit(1 if problems or not any(count for count, _, _ in results) else 0)
