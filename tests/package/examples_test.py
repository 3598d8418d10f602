#!/usr/bin/env python3
"""Installs a build, then builds and runs every example on the installed tree: C++ by find_package, C by pkg-config,
Python by ctypes. What they print is held to the JSON of the installed program, and so is that of the library.

    examples_test.py BUILD SOURCE"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

build, source = (os.path.abspath(argument) for argument in sys.argv[1:3])
examples = os.path.join(source, "examples")
testdata = os.path.join(source, "testdata")
MIXTRAL = "snapshots/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst"
BROKEN = "gguf/bad/cut-array.gguf"
problems = []


def check(what, got, expected):
    if got != expected:
        problems.append(f"{what}:\n  got      {got!r}\n  expected {expected!r}")


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, **options)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def must(*command, **options):
    status, out, err = run(*command, **options)
    if status != 0:
        sys.exit(f"{' '.join(command)}: exit status {status}\n{out}{err}")
    return out


def find(root, name):
    found = glob.glob(os.path.join(root, "**", name), recursive=True)
    if not found:
        sys.exit(f"{name} is not installed")
    return found[0]


def install(prefix):
    """What is needed to build and to run on the tree: its program, its environment."""
    must("cmake", "--install", build, "--prefix", prefix)
    libraries = os.path.dirname(find(prefix, "libweigh.so"))
    environment = dict(os.environ, PKG_CONFIG_PATH=os.path.join(libraries, "pkgconfig"), LD_LIBRARY_PATH=libraries,
                       CMAKE_PREFIX_PATH=prefix, LIBWEIGH=os.path.join(libraries, "libweigh.so"), LC_ALL="C.UTF-8")
    return os.path.join(prefix, "bin", "weigh"), environment


def build_examples(work, environment):
    """The command of each example that says whether a model fits, and list_tensors."""
    made = os.path.join(work, "made")
    must("cmake", "-S", os.path.join(source, "tests/package/examples"), "-B", made, f"-DEXAMPLES={examples}",
         env=environment)
    must("cmake", "--build", made, env=environment)
    flags = must("pkg-config", "--cflags", "--libs", "weigh", env=environment).split()
    c = os.path.join(work, "does_it_fit_c")
    must("cc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers",
         os.path.join(examples, "does_it_fit.c"), "-o", c, *flags, env=environment)
    fits = {"C++": [os.path.join(made, "does_it_fit")], "C": [c],
            "Python": [sys.executable, os.path.join(examples, "does_it_fit.py")]}
    return fits, os.path.join(made, "list_tensors")


def text_of(program, environment, path, device):
    """What an example has to print, from the program: figures as its reports print them, verdict as in its JSON."""
    out = must(program, path, "--on", device, "--context", "8192", cwd=testdata, env=environment)
    document = json.loads(must(program, path, "--json", "--on", device, "--context", "8192", cwd=testdata, env=environment))
    model, = document["models"]
    fit, = model["fit"]
    parameters = re.search(r"^  parameters +([\d.]+(?: [KMBT])?)", out, re.M).group(1)
    weights = re.search(r"^  weights +([\d.]+ \w+)", out, re.M).group(1)
    gib = lambda number: f"{number / 2**30:.2f} GiB"
    return (f"{model['name']}: {parameters} parameters, {weights}\n"
            f"{device}: {fit['verdict']}, needs {gib(fit['need']['total'])} of {gib(fit['budget_bytes'])}\n")


def check_examples(fits, lister, program, environment):
    expected = text_of(program, environment, MIXTRAL, "rtx-4090")
    check("what is known of it", expected.splitlines()[0], "Mixtral-8x7B-v0.1.Q4_K_M.gguf: 46.70 B parameters, 26.49 GiB")
    for device in ("rtx-4090", "24GiB", "m2-ultra-192gb"):
        expected = text_of(program, environment, MIXTRAL, device)
        for language, command in fits.items():
            check(f"{language} on {device}", run(*command, MIXTRAL, device, cwd=testdata, env=environment), (0, expected, ""))
    line = run(program, BROKEN, cwd=testdata, env=environment)[2].strip()[len("weigh: "):]
    for language, command in fits.items():
        status, out, err = run(*command, BROKEN, cwd=testdata, env=environment)
        check(f"{language} on a broken file", (status, out), (1, ""))
        if language != "Python":
            check(f"{language} on a broken file", err.strip(), line)
        status, out, err = run(*command, MIXTRAL, "rtx-9999999", cwd=testdata, env=environment)
        check(f"{language} on no device", (status, "no such device" in err), (1, True))
    listed = must(lister, MIXTRAL, "3", cwd=testdata, env=environment).splitlines()
    rows = json.loads(must(program, "tensors", MIXTRAL, "--json", cwd=testdata, env=environment))["tensors"]
    rows.sort(key=lambda row: -row["bytes"])
    check("list_tensors", [line.split("  ")[-2] for line in listed], [row["name"] for row in rows[:3]])


def check_document_of_library():
    """The code in docs/library.md is that of the examples."""
    with open(os.path.join(source, "docs/library.md"), encoding="utf-8") as file:
        blocks = re.findall(r"^<!-- (examples/\S+) -->\n```\w+\n(.*?)^```", file.read(), re.M | re.S)
    check("there is code in docs/library.md", len(blocks) > 2, True)
    for name, code in blocks:
        with open(os.path.join(source, name), encoding="utf-8") as file:
            if code not in file.read():
                problems.append(f"docs/library.md shows code that is not in {name}:\n{code}")


# In a process of its own, whose environment finds the library; one path in a line, then the document's length and itself.
DOCUMENTS = """
import ctypes, os, sys
library = ctypes.CDLL(os.environ["LIBWEIGH"])
def document(call, path, *options):
    names = (ctypes.c_char_p * (len(options) + 1))(*options, None)
    text = ctypes.c_char_p()
    status = getattr(library, call)(os.fsencode(path), names, ctypes.byref(text))
    assert status == 0, (call, path, status)
    sys.stdout.buffer.write(b"%d\\n%s" % (len(text.value), text.value))
    library.weigh_free(text)
for path in sys.stdin.read().splitlines():
    document("weigh_inspect_json", path, b"on=24GiB", b"context=2048")
    document("weigh_audit_json", path)
document("weigh_scan_json", "safetensors/good", b"on=24GiB")
"""


def check_documents(program, environment):
    """The library's documents are the program's, byte for byte."""
    paths = [os.path.relpath(path, testdata) for folder in ("gguf/good", "gguf/bad", "safetensors/good", "other")
             for path in sorted(glob.glob(os.path.join(testdata, folder, "*")))][::4]
    done = subprocess.run([sys.executable, "-c", DOCUMENTS], input="\n".join(paths).encode(), cwd=testdata, env=environment,
                          stdout=subprocess.PIPE, timeout=300, check=True)
    rest = done.stdout
    for path in paths + [None]:
        commands = [[path, "--json", "--on", "24GiB", "--context", "2048"], ["audit", path, "--json"]]
        if path is None:
            commands = [["scan", "safetensors/good", "--json", "--on", "24GiB"]]
        for command in commands:
            length, rest = rest.split(b"\n", 1)
            document, rest = rest[:int(length)], rest[int(length):]
            expected = subprocess.run([program, *command], cwd=testdata, env=environment, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, timeout=60)
            if document != expected.stdout:
                problems.append(f"the library's {' '.join(command)} is not the program's")
    if len(paths) < 20:
        problems.append("hardly any fixture was compared")


with tempfile.TemporaryDirectory() as work:
    program, environment = install(os.path.join(work, "installed"))
    fits, lister = build_examples(work, environment)
    check_examples(fits, lister, program, environment)
    check_documents(program, environment)
check_document_of_library()
print("\n".join(problems) if problems else "examples: all print what the program says")
sys.exit(1 if problems else 0)
