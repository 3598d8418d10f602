#!/usr/bin/env python3
"""Holds docs/accuracy.md, README.md's figure and src/memory/proven.inc to what the memory model reaches.

    accuracy_test.py MEMORY_ERROR PROJECT [--update]

They are printed by MEMORY_ERROR from docs/conformance. Without --update, exit status 1 when one of them differs."""
import os
import re
import subprocess
import sys

MARKED = re.compile(r"(?<=<!-- accuracy -->).*?(?=<!-- /accuracy -->)", flags=re.S)


def main(program, project, update):
    def printed(option):
        return subprocess.run([program, os.path.join(project, "docs/conformance"), option], check=True,
                              capture_output=True, text=True).stdout

    def read(path):
        whole = os.path.join(project, path)
        return open(whole, encoding="utf-8").read() if os.path.exists(whole) else ""

    figure = printed("--readme").strip()
    readme = read("README.md")
    if len(MARKED.findall(readme)) != 1:
        print("README.md: not one <!-- accuracy --> ... <!-- /accuracy -->")
        return 1
    wanted = {"docs/accuracy.md": printed("--markdown"), "src/memory/proven.inc": printed("--proven"),
              "README.md": MARKED.sub(lambda _: figure, readme)}
    old = [path for path, text in wanted.items() if read(path) != text]
    for path in old:
        print(f"{path} is {'updated' if update else 'out of date: cmake --build BUILD --target regenerate_accuracy'}")
        if update:
            with open(os.path.join(project, path), "w", encoding="utf-8") as file:
                file.write(wanted[path])
    return 1 if old and not update else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], "--update" in sys.argv))
