#!/usr/bin/env python3
"""Holds the code to docs/design.md.

    include_rule_test.py PROJECT

Every #include of formats/ and src/ must be one that the table "Who may include whom" allows; every folder must be in
that table; and a comment may cite a Markdown file only when the repository has it."""
import os
import re
import sys

CODE = (".h", ".cpp", ".c", ".inc", ".in", ".py", ".sh", ".cmake", ".txt")


def files_below(project, *folders):
    for folder in folders:
        for path, _, names in os.walk(os.path.join(project, folder)):
            for name in sorted(names):
                if name.endswith(CODE):
                    yield os.path.relpath(os.path.join(path, name), project)


def read_table(project):
    """{folder: all folders it may include}, from rows "| `folder`, ... | `folder`, ... |"."""
    text = open(os.path.join(project, "docs/design.md"), encoding="utf-8").read()
    section = re.search(r"^## Who may include whom\n(.*?)^## ", text, flags=re.M | re.S).group(1)
    rows = re.findall(r"^\| (`.*?) \|(.*)\|$", section, flags=re.M)
    rows = [(re.findall(r"`([^`]+)`", left), re.findall(r"`([^`]+)`", right)) for left, right in rows]
    allowed = {}
    for folders, direct in rows:  # a row only names rows above it
        reached = set(folders).union(direct, *(allowed[folder] for folder in direct))
        allowed.update({folder: reached for folder in folders})
    return allowed


def wrong_includes(project, allowed):
    for path in files_below(project, "formats", "src"):
        folder = os.path.dirname(path)
        if folder not in allowed and path.endswith((".h", ".cpp", ".c", ".inc")):
            yield path, 1, f"the folder {folder} is not in the table of docs/design.md"
            continue
        for number, line in enumerate(open(os.path.join(project, path), encoding="utf-8"), 1):
            include = re.match(r'\s*#\s*include\s+["<]((?:formats|src)/[^">]+)[">]', line)
            target = os.path.dirname(include.group(1)) if include else folder
            if target not in allowed.get(folder, {folder}):
                yield path, number, f"{folder} may not include {target} ({include.group(1)})"


def wrong_citations(project):
    for path in files_below(project, "formats", "src", "tests", "examples"):
        mark = "//" if path.endswith((".h", ".cpp", ".c", ".inc", ".in")) else "#"
        for number, line in enumerate(open(os.path.join(project, path), encoding="utf-8"), 1):
            comment = re.search(rf"(?:^|\s){mark}(.*)", line)
            words = re.sub(r"\w+://\S+", "", comment.group(1)) if comment else ""
            for cited in re.findall(r"[\w./-]*\w\.md\b", words):
                if not os.path.exists(os.path.join(project, cited)):
                    yield path, number, f"cites {cited}, which is not in the repository"


def main(project):
    allowed = read_table(project)
    wrong = [*wrong_includes(project, allowed), *wrong_citations(project)]
    for path, number, what in wrong:
        print(f"{path}:{number}: {what}")
    print(f"{len(allowed)} folders, {len(wrong)} violations")
    return 1 if wrong or not allowed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
