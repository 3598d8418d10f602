#!/usr/bin/env python3
"""Every bad fixture, run in a child with little memory and little time: it must end with status 1 and a sentence.

    hostile_test.py WEIGH TESTDATA"""
import json
import os
import resource
import subprocess
import sys

SECONDS = 10
# The program and its libraries take about 20 MiB; the largest fixture has a few hundred kilobytes.
ADDRESS_SPACE = 192 << 20


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))


def run(weigh, testdata, path, sanitized):
    done = subprocess.run([weigh, "--color", "never", path], cwd=testdata, capture_output=True, timeout=SECONDS,
                          preexec_fn=None if sanitized else limit)
    if done.returncode != 1:
        return f"exit {done.returncode}"
    text = done.stdout + done.stderr
    if b"error" not in done.stdout and not done.stderr.startswith(b"weigh: "):
        return "no sentence"
    # Names from the file must not reach the terminal as they are.
    if any(byte < 0x20 and byte != 0x0A for byte in text):
        return "a control character in the output"
    return None


def main(weigh, testdata):
    with open(os.path.join(testdata, "fixtures.json")) as file:
        bad = [entry["path"] for entry in json.load(file) if not entry["good"]]
    # A sanitizer maps terabytes of address space for itself.
    with open(weigh, "rb") as program:
        sanitized = b"__asan_init" in program.read() or b"__tsan_init" in open(weigh, "rb").read()
    failed = 0
    for path in bad:
        try:
            problem = run(weigh, testdata, path, sanitized)
        except subprocess.TimeoutExpired:
            problem = f"more than {SECONDS} s"
        if problem:
            failed += 1
            print(f"{path}: {problem}")
    print(f"{len(bad)} bad fixtures, {failed} not refused as they should be")
    return 1 if failed or len(bad) < 150 else 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), sys.argv[2]))
