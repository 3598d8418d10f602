#!/usr/bin/env python3
"""Text, JSON and CSV say the same of every model of the corpus on ten devices, and a verdict keeps to its meaning.

    agree_test.py WEIGH CORPUS

Exit status 77 (skipped) where there is no corpus."""
import concurrent.futures
import csv
import io
import json
import os
import re
import subprocess
import sys

weigh, corpus = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
if not os.path.exists(os.path.join(corpus, "check.py")):
    print("no corpus at " + corpus)
    sys.exit(77)
sys.path.insert(0, corpus)
import check  # noqa: E402

DEVICES = ["macbook-air-8gb", "m2-ultra-192gb", "rtx-4060", "rtx-3060", "rtx-4090", "2x rtx-4090", "h100-sxm", "16GiB",
           "raspberry-pi-5-8gb", "dgx-spark"]
LINE = re.compile(r"  (\S.*?)  +(fits|tight|offload|no|broken) +([\d.]+) of ([\d.]+) (GiB|MiB)(?:   (.*))?$")


def run(path, *arguments):
    environment = dict(os.environ, COLUMNS="120", LC_ALL="C.UTF-8")
    asked = [argument for device in DEVICES for argument in ("--on", device)]
    return subprocess.run([weigh, path, *asked, *arguments], capture_output=True, text=True, env=environment, timeout=300).stdout


def in_unit(value, unit):
    return f"{value / 2 ** (30 if unit == 'GiB' else 20):.2f}"


def look(path):
    wrong = []
    fits = json.loads(run(path, "--json"))["models"][0]["fit"]
    rows = list(csv.DictReader(io.StringIO(run(path, "--format", "csv"))))
    lines = [LINE.match(line) for line in run(path).splitlines()]
    lines = [line for line in lines if line]
    if not len(fits) == len(rows) == len(lines):
        return [f"{len(fits)} in JSON, {len(rows)} in CSV, {len(lines)} in text"]
    for fit, row, line in zip(fits, rows, lines):
        name = f"{fit['count']}x {fit['device']}"
        host = fit["host"]["need_bytes"] if fit["host"] else 0
        on_devices = fit["need"]["total"] - host
        if not fit["verdict"] == row["verdict"] == line[2]:
            wrong.append(f"{name}: {fit['verdict']}, {row['verdict']}, {line[2]}")
        if int(row["need_bytes"]) != fit["need"]["total"] or (row["host_bytes"] or "0") != str(host):
            wrong.append(f"{name}: CSV needs {row['need_bytes']} with {row['host_bytes']} on the host")
        if (line[3], line[4]) != (in_unit(on_devices, line[5]), in_unit(fit["budget_bytes"], line[5])):
            wrong.append(f"{name}: text has {line[3]} of {line[4]}, JSON {on_devices} of {fit['budget_bytes']}")
        known = fit["budget_bytes"] - fit["need"]["total"] == fit["headroom_bytes"]
        means = {"fits": not host and on_devices <= fit["budget_bytes"],
                 "tight": not host and fit["budget_bytes"] < on_devices <= fit["limit_bytes"] or fit["count"] > 1,
                 "offload": 0 < host <= fit["host"]["budget_bytes"] if fit["host"] else False,
                 "no": on_devices > fit["limit_bytes"] or fit["host"] or fit["count"] > 1 or "does not" in fit["reason"],
                 "broken": True}[fit["verdict"]]
        if not known or not means:
            wrong.append(f"{name}: {fit['verdict']} with {on_devices} and {host} of {fit['budget_bytes']}, {fit['limit_bytes']}")
        parts = sum(part["need"]["total"] for part in fit["placement"]["per_device"]) if fit["placement"] else None
        if parts is not None and parts + host != fit["need"]["total"]:
            wrong.append(f"{name}: the parts are {parts + host}, the need {fit['need']['total']}")
    return wrong


expected = json.load(open(os.path.join(corpus, "expected.json")))["models"]
folder = check.materialised(corpus)
paths = [check.path_of(folder, name, json.load(open(os.path.join(corpus, "models", name + ".expected.json")))) for name in expected]
with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
    results = list(pool.map(look, paths))
problems = [f"{os.path.basename(path)}: {line}" for path, wrong in zip(paths, results) for line in wrong]
for line in problems[:30]:
    print(line)
print(f"{len(paths)} models on {len(DEVICES)} devices, {len(problems)} differ")
sys.exit(1 if problems or not paths else 0)
