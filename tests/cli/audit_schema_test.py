#!/usr/bin/env python3
"""Holds `weigh audit` to its JSON schema and to SARIF 2.1.0, over every fixture of testdata/.

    audit_schema_test.py WEIGH SOURCE_FOLDER

tests/cli/sarif_schema.json is the part of SARIF that weigh writes; WEIGH_SARIF_SCHEMA names the whole of it, where there
is a copy. Exit status 77 (skipped) where python3-jsonschema is missing."""
import glob
import json
import os
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(77)

weigh, source = (os.path.abspath(argument) for argument in sys.argv[1:3])
testdata = os.path.join(source, "testdata")
problems = []


def validator(path):
    with open(path, encoding="utf-8") as file:
        schema = json.load(file)
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema, format_checker=jsonschema.FormatChecker())


def run(*arguments):
    done = subprocess.run([weigh, "audit", *arguments], cwd=testdata, stdout=subprocess.PIPE, timeout=300)
    return json.loads(done.stdout.decode("utf-8")), done.returncode


def validate(what, schema, document):
    for error in list(schema.iter_errors(document))[:5]:
        problems.append(f"{what}: {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}")


with open(os.path.join(testdata, "fixtures.json"), encoding="utf-8") as file:
    paths = [fixture["path"] for fixture in json.load(file)]
paths += sorted(os.path.relpath(path, testdata) for path in glob.glob(os.path.join(testdata, "audit/*/*")))
paths += ["no-such-file.gguf", "%41 b:c?"]

plain, status = run("--json", *paths)
validate("audit --json", validator(os.path.join(source, "src/report/schema/audit.json")), plain)
if status != 1:
    problems.append(f"exit status {status} with errors, expected 1")
ran = {check for audit in plain["audits"] for check in audit["checks_run"]}
for audit in plain["audits"]:
    for finding in audit["findings"]:
        if finding["code"] not in audit["checks_run"]:
            problems.append(f"{audit['path']}: {finding['code']} was found and not run")

sarif, status = run("--format", "sarif", *paths)
schemas = [os.path.join(source, "tests/cli/sarif_schema.json")]
schemas += [os.environ["WEIGH_SARIF_SCHEMA"]] if "WEIGH_SARIF_SCHEMA" in os.environ else []
for path in schemas:
    validate("audit --format sarif by " + os.path.basename(path), validator(path), sarif)
rules = sarif["runs"][0]["tool"]["driver"]["rules"]
results = sarif["runs"][0]["results"]
findings = [finding for audit in plain["audits"] for finding in audit["findings"]]
if len(results) != len(findings) or len(results) < 100:
    problems.append(f"{len(results)} results, {len(findings)} findings")
for result, finding in zip(results, findings):
    said = (result["ruleId"], rules[result["ruleIndex"]]["id"], result["level"], result["message"]["text"])
    if said != (finding["code"], finding["code"], finding["severity"], finding["message"]):
        problems.append(f"{said} is not {finding}")
missing = ran - {rule["id"] for rule in rules}
if missing:
    problems.append(f"no rules for {missing}")

print(f"{len(plain['audits'])} audits, {len(results)} findings, {len(problems)} problems")
for problem in problems[:40]:
    print(problem)
sys.exit(1 if problems else 0)
