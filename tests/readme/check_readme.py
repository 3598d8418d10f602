#!/usr/bin/env python3
"""Runs every `$ weigh ...` line of the console blocks in README.md and docs/*.md and compares what follows it.

    check_readme.py WEIGH PROJECT [--update]

Commands run in testdata/. A line "..." stands for any lines, "[exit 1]" for the exit status."""
import glob
import os
import re
import shlex
import subprocess
import sys


def run(weigh, project, command):
    words = shlex.split(command)
    assert words[0] == "weigh", command
    # Neither the user's own devices nor the terminal may change what is printed.
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
    done = subprocess.run([weigh, *words[1:]], cwd=os.path.join(project, "testdata"), capture_output=True, text=True,
                          env=environment, timeout=60)
    output = done.stdout + done.stderr
    return output + (f"[exit {done.returncode}]\n" if done.returncode else "")


def matches(expected, actual):
    pattern = "".join(r"(?:.*\n)*" if line == "..." else re.escape(line) + r"\n" for line in expected.splitlines())
    return re.fullmatch(pattern, actual) is not None


def check_document(path, weigh, project, update):
    """How many commands the document has, and how many print something else."""
    text = open(path, encoding="utf-8").read()
    failed = commands = 0

    def check(block):
        nonlocal failed, commands
        out = []
        for part in re.split(r"^(?=\$ )", block.group(2), flags=re.M):
            if not part.startswith("$ "):
                out.append(part)
                continue
            command, _, expected = part.partition("\n")
            actual = run(weigh, project, command[2:])
            commands += 1
            spaced = expected.endswith("\n\n")
            if matches(expected.strip("\n") + "\n" if expected.strip() else "", actual):
                out.append(part)
                continue
            failed += 1
            print(f"{os.path.relpath(path, project)}: {command}\nexpected:\n{expected}\nfound:\n{actual}")
            out.append(command + "\n" + actual + ("\n" if spaced else ""))
        return block.group(1) + "".join(out) + "```"

    rewritten = re.sub(r"(^```console\n)(.*?)^```", check, text, flags=re.M | re.S)
    if update and failed:
        open(path, "w", encoding="utf-8").write(rewritten)
    return commands, failed


def main(weigh, project, update):
    paths = [os.path.join(project, "README.md"), *sorted(glob.glob(os.path.join(project, "docs", "*.md")))]
    counts = {path: check_document(path, weigh, project, update) for path in paths}
    commands, failed = (sum(column) for column in zip(*counts.values()))
    print(f"{commands} commands in {len(paths)} documents, {failed} differ")
    return 1 if failed or counts[paths[0]][0] == 0 else 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), sys.argv[2], "--update" in sys.argv))
