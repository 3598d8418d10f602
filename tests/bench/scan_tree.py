#!/usr/bin/env python3
"""What a scan costs: scan_tree.py WEIGH TOUCH_FILES TESTDATA [MODELS] [OTHERS]

Makes a tree of MODELS models (10,000) among OTHERS other files (100,000), and prints the cost per model of a scan, of
a scan with a new inventory and of the next one, beside open + pread + close of the same headers and their stat.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

WEIGH, TOUCH, TESTDATA = (os.path.abspath(argument) for argument in sys.argv[1:4])
MODELS = int(sys.argv[4]) if len(sys.argv) > 4 else 10_000
OTHERS = int(sys.argv[5]) if len(sys.argv) > 5 else 100_000


def make(root, models, others):
    source = os.path.join(TESTDATA, "gguf/good/v3.gguf")
    paths, per_folder = [], 20
    for i in range(models):
        folder = os.path.join(root, f"{i // (per_folder * 50):03}", f"{i // per_folder % 50:03}")
        if i % per_folder == 0:
            os.makedirs(folder)
            for n in range(others * per_folder // models):
                open(os.path.join(folder, f"other-{n}.txt"), "w").close()
        paths.append(os.path.join(folder, f"model-{i}.gguf"))
        shutil.copyfile(source, paths[-1])
    return paths


def run(*arguments):
    """Seconds, share of one core, and peak memory in MiB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    process = subprocess.Popen([WEIGH, "scan", *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begin
    assert status == 0
    cpu = usage.ru_utime + usage.ru_stime
    del before
    return seconds, cpu / seconds, usage.ru_maxrss / 1024


def touch(mode, paths):
    return float(subprocess.run([TOUCH, mode], input="\n".join(paths), stdout=subprocess.PIPE, text=True).stdout)


def report(what, figures, models):
    seconds, cores, peak = figures
    print(f"{what:34} {seconds * 1e6 / models:9.1f} us per model  {seconds:6.2f} s  {cores:4.2f} cores  {peak:6.1f} MiB")


with tempfile.TemporaryDirectory() as scratch:
    few = os.path.join(scratch, "few")
    make(few, MODELS // 10, OTHERS // 10)
    tree = os.path.join(scratch, "tree")
    paths = make(tree, MODELS, OTHERS)
    print(f"{MODELS} models among {OTHERS} other files, warm cache")
    report("a tenth of them, jsonl", run(few, "--format", "jsonl"), MODELS // 10)
    report("jsonl", run(tree, "--format", "jsonl"), MODELS)
    report("text", run(tree), MODELS)
    database = os.path.join(scratch, "inventory.sqlite")
    report("new inventory", run(tree, "--db", database, "--quiet"), MODELS)
    report("inventory, nothing changed", run(tree, "--db", database, "--quiet"), MODELS)
    print(f"{'open + pread + close, one thread':34} {touch('open', paths):9.1f} us per model")
    print(f"{'stat, one thread':34} {touch('stat', paths):9.1f} us per model")
