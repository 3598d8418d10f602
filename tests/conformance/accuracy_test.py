#!/usr/bin/env python3
"""Holds docs/accuracy.md, README.md's figure and src/memory/proven.inc to what the memory model reaches.

    accuracy_test.py MEMORY_ERROR WEIGH PROJECT [--update]

llama.cpp's part is printed by MEMORY_ERROR from docs/conformance, that of the other engines by engine_runs.py. Without --update,
exit status 1 when one of them differs; always when a figure is off that is not known to be."""
import os
import re
import subprocess
import sys

MARKED = re.compile(r"(?<=<!-- accuracy -->).*?(?=<!-- /accuracy -->)", flags=re.S)


OTHER_ENGINES = """
## Other engines

Published measurements, each tried with the settings of its source and the rules of its version: [serving.md](serving.md),
[memory-rules.md](memory-rules.md) 10. The worst first. No run of ours stands behind them, and none of the figures is in the program.

    python3 tests/conformance/engine_runs.py build/release/weigh                  every row, the worst first
    python3 tests/conformance/engine_runs.py build/release/weigh --engine vllm    those of one engine
"""


def main(program, weigh, project, update):
    def printed(option):
        return subprocess.run([program, os.path.join(project, "docs/conformance"), option], check=True,
                              capture_output=True, text=True).stdout

    def engines():
        runs = os.path.join(os.path.dirname(os.path.abspath(__file__)), "engine_runs.py")
        return subprocess.run([sys.executable, runs, weigh, "--markdown"], check=True, stdout=subprocess.PIPE,
                              text=True).stdout

    def read(path):
        whole = os.path.join(project, path)
        return open(whole, encoding="utf-8").read() if os.path.exists(whole) else ""

    figure = printed("--readme").strip()
    readme = read("README.md")
    if len(MARKED.findall(readme)) != 1:
        print("README.md: not one <!-- accuracy --> ... <!-- /accuracy -->")
        return 1
    wanted = {"docs/accuracy.md": printed("--markdown") + OTHER_ENGINES + engines(), "src/memory/proven.inc": printed("--proven"),
              "README.md": MARKED.sub(lambda _: figure, readme)}
    old = [path for path, text in wanted.items() if read(path) != text]
    for path in old:
        print(f"{path} is {'updated' if update else 'out of date: cmake --build BUILD --target regenerate_accuracy'}")
        if update:
            with open(os.path.join(project, path), "w", encoding="utf-8") as file:
                file.write(wanted[path])
    return 1 if old and not update else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4], "--update" in sys.argv))
