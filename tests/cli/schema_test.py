#!/usr/bin/env python3
"""Holds the JSON of every command to its schema, over every fixture of testdata/, and the sums inside to each other.

    schema_test.py WEIGH SCHEMA_FOLDER TESTDATA

Exit status 77 (skipped) where python3-jsonschema is missing."""
import json
import os
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(77)

weigh_binary, schema_folder, testdata = (os.path.abspath(argument) for argument in sys.argv[1:4])
validators = {}
for name in ("inspect", "tensors", "metadata", "devices", "diff", "explain", "cache", "verify"):
    with open(os.path.join(schema_folder, name + ".json")) as file:
        schema = json.load(file)
    jsonschema.Draft7Validator.check_schema(schema)
    validators[name] = jsonschema.Draft7Validator(schema)

problems = []
documents = 0


def no_duplicates(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a key occurs twice")
    return dict(pairs)


def no_constants(text):
    raise ValueError(text + " is no JSON")


def run(schema, *arguments):
    """The parsed and validated output of one command, with its exit status; (None, status) when there is something wrong."""
    global documents
    done = subprocess.run([weigh_binary, *arguments], cwd=testdata, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    where = " ".join(arguments)
    documents += 1
    try:
        document = json.loads(done.stdout.decode("utf-8"), object_pairs_hook=no_duplicates, parse_constant=no_constants)
    except ValueError as error:
        problems.append(f"{where}: not one JSON document: {error}")
        return None, done.returncode
    for error in list(validators[schema].iter_errors(document))[:3]:
        problems.append(f"{where}: {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}")
    return document, done.returncode


def check(where, what, got, expected):
    if got != expected:
        problems.append(f"{where}: {what}: {got}, expected {expected}")


def sum_of(key, rows):
    """A sum with something unknown is unknown."""
    return None if any(row[key] is None for row in rows) else sum(row[key] for row in rows)


def check_sums(where, model):
    rows = model["weights"]["by_dtype"]
    total = lambda key: sum_of(key, rows)
    for key, whole in (("parameters", model["parameters"]["total"]), ("bytes", model["weights"]["bytes"])):
        if model["weights"]["by_role"]:
            check(where, key + " by role", sum_of(key, model["weights"]["by_role"]), whole)
    check(where, "parameters by dtype", total("parameters"), model["parameters"]["total"])
    check(where, "bytes by dtype", total("bytes"), model["weights"]["bytes"])
    if model["files"]:
        check(where, "tensors by dtype", total("tensors"), sum(file["tensors"] for file in model["files"]))
    for file in model["files"]:
        check(where, "header + data of " + file["path"], file["header_bytes"] + file["data_bytes"],
              max(file["bytes"], file["header_bytes"]))
    if not any(finding["severity"] == "error" for finding in model["findings"]) and model["files"]:
        check(where, "header + tensors + padding",
              sum(file["header_bytes"] for file in model["files"]) + model["weights"]["bytes"] + model["weights"]["padding_bytes"],
              sum(file["bytes"] for file in model["files"]))
    experts, parameters = model["experts"], model["parameters"]
    if experts is None:
        check(where, "active of a dense model", parameters["active"], parameters["total"])
    elif None not in (experts["used"], experts["active_parameters"], parameters["total"]):
        check(where, "active", parameters["active"], parameters["total"] - experts["parameters"] + experts["active_parameters"])
    for fit in model["fit"]:
        parts = [bytes for part, bytes in fit["need"].items() if part != "total" and bytes is not None]
        check(where, "need", sum(parts), fit["need"]["total"])
        check(where, "headroom", fit["headroom_bytes"], fit["budget_bytes"] - fit["need"]["total"])


def is_no_model(model):
    """what runs with a model, not by itself: it has no verdict and is not counted"""
    kind = model.get("kind") or ""
    return kind.endswith(" adapter") or kind in (
        "multimodal projector", "imatrix", "control vector", "speculative head", "vocabulary only")


def check_fixture(fixture):
    path = fixture["path"]
    document, status = run("inspect", "--json", path, "--on", "rtx-4090", "--on", "2x h100-sxm")
    if document is None:
        return
    for model in document["models"]:
        check_sums(path, model)
        check(path, "devices", [fit["device"] for fit in model["fit"]],
              [] if is_no_model(model) else ["rtx-4090", "h100-sxm"])
    findings = [finding for model in document["models"] for finding in model["findings"]]
    wrong = bool(document["errors"]) or any(finding["severity"] == "error" for finding in findings)
    check(path, "exit status", status, 1 if wrong else 0)
    check(path, "is good", not wrong, fixture["good"])
    if fixture["good"] and len(document["models"]) == 1:
        weights = document["models"][0]["weights"]
        for key, got in (("weight_bytes", weights["bytes"]), ("padding_bytes", weights["padding_bytes"]),
                         ("tensors", sum(row["tensors"] for row in weights["by_dtype"])),
                         ("elements", sum(row["elements"] for row in weights["by_dtype"])),
                         ("header_bytes", sum(file["header_bytes"] for file in document["models"][0]["files"]))):
            if fixture.get(key) is not None:
                check(path, key, got, fixture[key])
        tensors, _ = run("tensors", "tensors", path, "--json")
        if tensors is not None:
            check(path, "tensors listed", len(tensors["tensors"]), sum(row["tensors"] for row in weights["by_dtype"]))
            check(path, "bytes listed", sum(tensor["bytes"] for tensor in tensors["tensors"]), weights["bytes"])
            check(path, "parameters listed", sum_of("parameters", tensors["tensors"]),
                  document["models"][0]["parameters"]["total"])
    else:
        if len(document["models"]) <= 1:
            run("tensors", "tensors", path, "--json")
    if len(document["models"]) == 1 and document["models"][0]["files"] and fixture["good"]:
        for grouping in ("layer", "module", "role"):
            groups, _ = run("tensors", "tensors", path, "--group", grouping, "--json")
            for key, whole in (("bytes", document["models"][0]["weights"]["bytes"]),
                               ("parameters", document["models"][0]["parameters"]["total"])):
                check(path, f"{key} by {grouping}", sum_of(key, groups["groups"]), whole)
        same, status = run("diff", "diff", path, path, "--json")
        check(path, "equals itself", (same["equal"], status), (True, 0))
    if len(document["models"]) <= 1:
        run("metadata", "metadata", path, "--json")
        run("metadata", "metadata", path, "--json", "--full")


with open(os.path.join(testdata, "fixtures.json")) as file:
    fixtures = json.load(file)
check("fixtures.json", "holds fixtures", len(fixtures) > 100, True)
for fixture in fixtures:
    check_fixture(fixture)

everything, _ = run("inspect", "--json", *(fixture["path"] for fixture in fixtures))
check("all fixtures at once", "has models and errors", bool(everything["models"] and everything["errors"]), True)
run("inspect", "--json", "does-not-exist.gguf")
devices, _ = run("devices", "devices", "--json")
check("devices", "are many", len(devices["devices"]) > 50, True)
run("devices", "devices", "no-such-device", "--json")
run("cache", "cache", "--json")
for precision, count in (("f32", 188_000_000_000), ("f16", 94_000_000_000), ("int8", 47_000_000_000), ("int4", 23_500_000_000)):
    estimate, status = run("inspect", "estimate", "--params", "47B", "--precision", precision, "--on", "m2-ultra-192gb", "--json")
    model = estimate["models"][0]
    check_sums("estimate " + precision, model)
    check("estimate " + precision, "weights", model["fit"][0]["need"]["weights"], count)
    check("estimate " + precision, "total", model["fit"][0]["need"]["total"], count)
    check("estimate " + precision, "no file", (model["path"], model["format"], model["files"]), (None, None, []))
    check("estimate " + precision, "exit status", status, 0)

# The whole tree at once: each model as by itself, and totals that are their sums.
scanned, status = run("inspect", "scan", ".", "--json")
check("scan", "exit status", status, 1)
for model in scanned["models"]:
    if not any(finding["severity"] == "error" for finding in model["findings"]):
        check_sums("scan " + model["path"], model)
models = [model for model in scanned["models"] if not is_no_model(model)]
check("scan", "models", scanned["totals"]["models"], len(models))
check("scan", "others", sum(scanned["totals"]["others"].values()), len(scanned["models"]) - len(models))
known = [model["parameters"]["total"] for model in models if model["parameters"]["total"] is not None]
check("scan", "parameters", scanned["totals"]["parameters"], min(sum(known), 2**64 - 1))
check("scan", "models of unknown parameters", scanned["totals"]["parameters_unknown"], len(models) - len(known))
check("scan", "bytes", scanned["totals"]["file_bytes"],
      min(sum(file["bytes"] for model in scanned["models"] if not model["header_only"] for file in model["files"]), 2**64 - 1))

different, status = run("diff", "diff", "gguf/good/moe-merged.gguf", "gguf/good/v3.gguf", "--json")
check("diff", "exit status of a difference", status, 1)
for model in run("inspect", "estimate", "snapshots/Llama-2-7B-f16.weigh.zst", "--as", "all", "--json")[0]["models"]:
    check_sums("estimate --as", model)

# The parts of training are those of the need.
for how in ("full", "lora", "qlora"):
    for path in ("snapshots/Llama-2-7B-f16.weigh.zst", "snapshots/families/Llama-4-Scout.weigh.zst",
                 "snapshots/Llama-2-7B.Q8_0.weigh.zst"):
        model = run("inspect", "fit", path, "--train", how, "--on", "2x rtx-4090", "--on", "m4-16gb", "--json")[0]["models"][0]
        for fit in model["fit"]:
            training = fit["training"]
            check(f"--train {how} {path}", "is there", training is not None, "Q8_0" not in path)
            if training is None:
                continue
            parts = ("weights", "gradients", "optimizer_states", "activations", "logits", "overhead")
            check(f"--train {how} {path}", "sum", sum(training[part] for part in parts), training["total"])
            check(f"--train {how} {path}", "need", fit["need"]["total"], training["total"])

# What `weigh explain` says is what `weigh fit` says, and a sum.
for path in ("snapshots/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst", "snapshots/families/gpt-oss-120b.BF16.weigh.zst"):
    flags = (path, "--on", "rtx-4090", "--context", "8k", "--json")
    model = run("inspect", "fit", *flags)[0]["models"][0]
    fit = model["fit"][0]
    reported = {term: fit["need"][term] for term in ("weights", "state", "compute", "overhead")}
    reported |= {"kv": fit["need"]["kv_cache"], "budget": fit["budget_bytes"], "active": model["parameters"]["active"]}
    for term, value in reported.items():
        explained, _ = run("explain", "explain", term, *flags)
        check(f"explain {term} {path}", "value", explained["value"], value)
        check(f"explain {term} {path}", "sum", sum(step["value"] for step in explained["steps"]), value or 0)

# What an engine printed: what agrees is off by nothing, and the sum of the rows is that of the text.
for log in sorted(os.listdir(os.path.join(testdata, "logs"))):
    document, status = run("verify", "verify-log", f"logs/{log}", "snapshots/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst", "--json")
    for row in document["rows"]:
        check(f"verify-log {log}: {row['part']}", "agrees", row["agrees"], row["error"] == 0)
        check(f"verify-log {log}: {row['part']}", "bytes", row["engine_bytes"] is not None, row["unit"] == "bytes")
    check(f"verify-log {log}", "exit status", status, 0 if document["runs"] else 1)

print(f"{documents} documents, {len(problems)} problems")
for problem in problems[:60]:
    print(problem)
sys.exit(1 if problems else 0)
