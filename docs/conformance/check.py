#!/usr/bin/env python3
"""Holds estimators of memory against recorded runs of an engine (README.md beside this file).

    check.py --weigh PROGRAM [-- COMMAND...]     weigh, and another beside it
    check.py [--arch NAME] -- COMMAND...         another alone; {model}, {context} ... are replaced
    check.py --make FOLDER                       the models as GGUF files with sparse data, and nothing else

The command prints a JSON object: model_bytes, cache_bytes, compute_bytes, or total_bytes of all three, or refused.
Exit status 0 when every run was counted, whatever the errors are; 1 when a command failed or printed something else."""
import argparse
import concurrent.futures
import glob
import gzip
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CLOSE = 0.001
PAGE = 4096
PARTS = ("model_bytes", "cache_bytes", "compute_bytes")


def make_model(name, model, folder):
    """The GGUF of a header: its data are a hole in the file."""
    path = os.path.join(folder, name + ".gguf")
    if not os.path.exists(path):
        with gzip.open(os.path.join(HERE, model["header"]), "rb") as header, open(path, "wb") as file:
            file.write(header.read())
            file.truncate(model["file_bytes"])
    return path


def words_of(name, model, settings, path):
    words = {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in settings.items()}
    return {**words, "flash_attention": "off" if settings["flash_attention"] == "off" else "on",
            "model": path, "name": name, "architecture": model["architecture"]}


class Command:
    """A command template that prints the keys of README.md."""

    def __init__(self, template, title, timeout):
        self.template, self.title, self.timeout = template, title, timeout

    def command(self, words, settings):
        def filled(text):
            for key, value in words.items():
                text = text.replace("{" + key + "}", value)
            return text
        return [filled(text) for text in self.template]

    def figures(self, printed, status):
        return json.loads(printed)

    def estimate(self, words, settings):
        try:
            done = subprocess.run(self.command(words, settings), capture_output=True, text=True, timeout=self.timeout)
            figures = self.figures(done.stdout, done.returncode)
            if not isinstance(figures, dict):
                raise ValueError("no JSON object")
            return figures
        except (OSError, ValueError, KeyError, IndexError, TypeError, subprocess.TimeoutExpired) as error:
            return {"failed": f"{type(error).__name__}: {error}"}


class Weigh(Command):
    def __init__(self, program, timeout):
        super().__init__([program], "weigh", timeout)

    def command(self, words, settings):
        command = [*self.template, "fit", words["model"], "--json", "--on", "4096GiB", "--context", words["context"],
                   "--kv-type", words["cache_type"], "--parallel", words["sequences"], "--ubatch", words["micro_batch"],
                   "--flash-attention", words["flash_attention"]]
        return command + ["--kv-unified"] * settings["unified_cache"] + ["--swa-full"] * settings["full_window_cache"]

    def figures(self, printed, status):
        need = json.loads(printed)["models"][0]["fit"][0]["need"]
        if need["kv_cache"] is None:
            return {"refused": True}
        return {"model_bytes": need["weights"], "cache_bytes": need["kv_cache"] + (need["state"] or 0),
                "compute_bytes": need["compute"]}


def share(ours, engine):
    """0.01: 1 % above the engine's."""
    return ours / engine - 1 if engine else float(ours != 0)


class Row:
    """How close some runs are. A part that is not estimated counts in none of its columns, nor does the total then."""

    def __init__(self, name):
        self.name, self.models = name, set()
        self.runs = self.failed = self.model = self.cache = self.compute = self.close = self.total = self.below = 0
        self.worst = None

    def add(self, name, figures, engine):
        self.runs += 1
        self.models.add(name)
        if "failed" in figures or figures.get("refused"):
            self.failed += 1
            return
        self.model += figures.get("model_bytes") == engine["model_bytes"]
        self.cache += figures.get("cache_bytes") == engine["cache_bytes"]
        if figures.get("compute_bytes") is not None:
            self.compute += figures["compute_bytes"] == engine["compute_bytes"]
            self.close += abs(share(figures["compute_bytes"], engine["compute_bytes"])) <= CLOSE
        ours = figures.get("total_bytes")
        if ours is None and all(figures.get(part) is not None for part in PARTS):
            ours = sum(figures[part] for part in PARTS)
        if ours is None:
            return
        theirs = sum(engine[part] for part in PARTS)
        error = share(ours, theirs)
        self.total += abs(error) <= 0.01
        self.below += ours + PAGE < theirs
        self.worst = max(self.worst or 0.0, error, key=abs)

    HEAD = ("", "models", "runs", "no figure", "model exact", "cache exact", "compute exact", "within 0.1 %",
            "total within 1 %", "total below", "worst total")

    def cells(self):
        return (self.name, len(self.models), self.runs, self.failed, self.model, self.cache, self.compute, self.close,
                self.total, self.below, "-" if self.worst is None else f"{100 * self.worst:+.2f} %")


def print_table(rows):
    table = [Row.HEAD, *(tuple(str(cell) for cell in row.cells()) for row in rows)]
    widths = [max(len(line[at]) for line in table) for at in range(len(Row.HEAD))]
    for line in table:
        print("  ".join(cell.rjust(width) if at else cell.ljust(width) for at, (cell, width) in enumerate(zip(line, widths))))


def hold(estimator, document, folder, jobs):
    """[(model's name, model, run, figures)], and refusals as [(name, run, whether it refuses too)]."""
    work = [(name, model, run) for name, model in document["models"].items() for run in model["runs"] + model["refused"]]

    def one(item):
        name, model, run = item
        words = words_of(name, model, run["settings"], os.path.join(folder, name + ".gguf"))
        return name, model, run, estimator.estimate(words, run["settings"])
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        done = list(pool.map(one, work))
    runs = [item for item in done if "engine" in item[2]]
    refusals = [(name, run, bool(figures.get("refused"))) for name, _, run, figures in done if "engine" not in run]
    return runs, refusals


def report(estimator, runs, refusals):
    rows = {}
    whole = Row(estimator.title)
    for name, model, run, figures in runs:
        rows.setdefault(model["architecture"], Row(model["architecture"])).add(name, figures, run["engine"])
        whole.add(name, figures, run["engine"])
    failed = [(name, figures["failed"]) for name, _, _, figures in runs if "failed" in figures]
    return whole, sorted(rows.values(), key=lambda row: (-row.failed, -abs(row.worst or 0), row.name)), failed, refusals


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weigh", metavar="PROGRAM", help="hold weigh against them as well, first")
    parser.add_argument("--arch", metavar="NAME", help="the models of one architecture")
    parser.add_argument("--make", metavar="FOLDER", help="make the models there and end")
    parser.add_argument("--json", metavar="FILE", help="write every run, with settings, figures and estimates")
    parser.add_argument("--title", default="estimator", help="what to call the command")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--timeout", type=float, default=60, help="seconds for one run")
    parser.add_argument("command", nargs="*", metavar="-- COMMAND")
    return parser, parser.parse_args()


def main():
    parser, options = read_arguments()
    with open(max(glob.glob(os.path.join(HERE, "llama.cpp-*.json"))), encoding="utf-8") as file:
        document = json.load(file)
    document["models"] = {name: model for name, model in document["models"].items()
                          if options.arch in (None, model["architecture"])}
    if not document["models"]:
        parser.error(f"no model of {options.arch}")
    if options.make:
        os.makedirs(options.make, exist_ok=True)
        for name, model in document["models"].items():
            make_model(name, model, options.make)
        return 0
    estimators = [Weigh(options.weigh, options.timeout)] if options.weigh else []
    if options.command:
        estimators.append(Command(options.command, options.title, options.timeout))
    if not estimators:
        parser.error("nothing to hold against the vectors: --weigh PROGRAM, or -- COMMAND")
    with tempfile.TemporaryDirectory() as folder:
        for name, model in document["models"].items():
            make_model(name, model, folder)
        results = [hold(estimator, document, folder, options.jobs) for estimator in estimators]
    reports = [report(estimator, *result) for estimator, result in zip(estimators, results)]
    for whole, rows, failed, refusals in reports:
        print(f"{whole.name}, by architecture, the worst first\n")
        print_table(rows)
        for name, run, refused in refusals:
            print(f"the engine refuses {name} with {json.dumps(run['settings'])}: {'so it does' if refused else 'counted as if it ran'}")
        for name, why in failed[:5]:
            print(f"failed: {name}: {why}")
        print()
    print(f"against {document['engine']} {document['version']}\n")
    print_table([whole for whole, *_ in reports])
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({estimator.title: [{"model": name, "architecture": model["architecture"], **run, "estimate": figures}
                                         for name, model, run, figures in runs]
                       for estimator, (runs, _) in zip(estimators, results)}, file, indent=1)
    return 1 if any(failed for _, _, failed, _ in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
