#!/usr/bin/env python3
"""`weigh audit` over the whole corpus: no model that is right has an error, and every broken file has one.

    audit_test.py WEIGH CORPUS [--verbose]

Exit status 77 (skipped) where there is no corpus."""
import gzip
import json
import os
import subprocess
import sys
import tempfile

weigh, corpus = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
if not os.path.exists(os.path.join(corpus, "check.py")):
    print("no corpus at " + corpus)
    sys.exit(77)
sys.path.insert(0, corpus)
import check  # noqa: E402

problems = []
audited = 0


def audit(path, valid):
    global audited
    done = subprocess.run([weigh, "audit", "--json", path], stdout=subprocess.PIPE, timeout=120)
    findings = [finding for one in json.loads(done.stdout)["audits"] for finding in one["findings"]]
    errors = [finding for finding in findings if finding["severity"] == "error"]
    audited += 1
    name = os.path.basename(path)
    if "--verbose" in sys.argv:
        for finding in findings:
            print(f"{name}: {finding['severity']}: {finding['code']}: {finding['message'][:160]}")
    if done.returncode != (1 if errors else 0):
        problems.append(f"{name}: exit status {done.returncode} with {len(errors)} errors")
    if valid is True:
        problems.extend(f"{name}: {error['code']}: {error['message'][:200]}" for error in errors)
    elif valid is False and not errors:
        problems.append(f"{name}: is broken, and has no error")


with open(os.path.join(corpus, "expected.json"), encoding="utf-8") as file:
    expected = json.load(file)
folder = check.materialised(corpus)
for model in expected["models"]:
    with open(os.path.join(corpus, "models", model + ".expected.json"), encoding="utf-8") as file:
        audit(check.path_of(folder, model, json.load(file)), True)
with tempfile.TemporaryDirectory() as scratch:
    for entry in expected["real"]:
        path = os.path.join(corpus, "real", entry["stored_as"])
        if path.endswith(".gz"):
            unpacked = os.path.join(scratch, os.path.basename(entry["file"]))
            with gzip.open(path) as packed, open(unpacked, "wb") as plain:
                plain.write(packed.read())
            path = unpacked
        audit(path, entry["valid"])

print(f"{audited} audits, {len(problems)} problems")
for problem in problems:
    print(problem)
sys.exit(1 if problems or audited < 50 else 0)
