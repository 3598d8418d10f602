#!/usr/bin/env python3
"""Runs the command line as people do and compares what they see.

    run_cli_tests.py [--update] WEIGH TESTDATA [CASE...]

tests/cli/cases/NAME.cmd is a shell script, run in a folder that holds `testdata` alone (a link), with `weigh` in the
PATH; NAME.stdout, NAME.stderr and NAME.exit are what it must give: nothing, nothing and 0 where there is no such file.
--update writes them anew; read the diff. The version is written as VERSION."""
import difflib
import os
import re
import subprocess
import sys
import tempfile

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")


def normalised(text):
    return re.sub(r'(weigh |"version": ")\d+\.\d+\.\d+\b', r"\1VERSION", text)


def run(case, weigh, testdata):
    """What NAME.cmd gives, by suffix."""
    with tempfile.TemporaryDirectory() as scratch:
        work = os.path.join(scratch, "work")
        tools = os.path.join(scratch, "bin")
        os.mkdir(work)
        os.mkdir(tools)
        os.symlink(testdata, os.path.join(work, "testdata"))
        os.symlink(weigh, os.path.join(tools, "weigh"))
        environment = {
            "PATH": tools + ":/usr/bin:/bin",
            "HOME": scratch,
            "LC_ALL": "C.UTF-8",
            "TERM": "dumb",
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                environment[name] = os.environ[name]
        done = subprocess.run(["sh", os.path.join(CASES, case + ".cmd")], cwd=work, env=environment, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return {
            "stdout": normalised(done.stdout.decode("utf-8", "backslashreplace")),
            "stderr": normalised(done.stderr.decode("utf-8", "backslashreplace")),
            "exit": "" if done.returncode == 0 else f"{done.returncode}\n",
        }


def expected(case, suffix):
    path = os.path.join(CASES, f"{case}.{suffix}")
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def update(case, results):
    for suffix, text in results.items():
        path = os.path.join(CASES, f"{case}.{suffix}")
        if text:
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write(text)
        elif os.path.exists(path):
            os.remove(path)


def main():
    arguments = sys.argv[1:]
    rewrite = "--update" in arguments
    weigh, testdata, *cases = [argument for argument in arguments if argument != "--update"]
    weigh, testdata = os.path.abspath(weigh), os.path.abspath(testdata)
    stray = {name.rsplit(".", 1)[0] for name in os.listdir(CASES)}
    known = sorted(name[:-4] for name in os.listdir(CASES) if name.endswith(".cmd"))
    failed = sorted(stray - set(known))
    for name in failed:
        print(f"{name}: no .cmd")
    for case in cases or known:
        results = run(case, weigh, testdata)
        if rewrite:
            update(case, results)
            continue
        for suffix, text in results.items():
            if text != expected(case, suffix):
                failed.append(case)
                sys.stdout.writelines(difflib.unified_diff(expected(case, suffix).splitlines(True), text.splitlines(True),
                                                           f"{case}.{suffix}", "now"))
    print(f"{len(cases or known)} cases, {len(set(failed))} failed")
    return 1 if failed or not known else 0


sys.exit(main())
