#!/usr/bin/env python3
"""The man page and the completions hold every command and option that --help shows, and the shells take them.

    generate_test.py WEIGH

bash is asked for real: its completion function is called with the words of a command line. fish and zsh read their
scripts where they are installed, man checks its page where it is."""
import re
import shutil
import subprocess
import sys
import tempfile

WEIGH = sys.argv[1]
failures = []


def check(holds, message):
    if not holds:
        failures.append(message)


def output_of(*arguments):
    done = subprocess.run([WEIGH, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    check(done.returncode == 0, f"weigh {' '.join(arguments)}: exit status {done.returncode}: {done.stderr}")
    return done.stdout


def options_in_help(text):
    """Lists of names, and the word for the value or nothing."""
    found = []
    for line in text.splitlines():
        match = re.match(r"  (-[\w,-]+)(?: ([A-Z/]+))?", line)
        if match:
            found.append((match.group(1).split(","), match.group(2)))
    return found


HELP = output_of("--help")
COMMANDS = re.findall(r"^  ([\w-]+) {2,}\S", HELP[HELP.index("Commands:"):], re.M)
OPTIONS = {command: options_in_help(output_of(command, "--help")) for command in COMMANDS}
check(len(COMMANDS) >= 10, f"--help lists {COMMANDS}")
check(all(len(options) >= 3 for options in OPTIONS.values()), f"too few options were read from --help: {OPTIONS}")


def check_man_page(page):
    sections = dict(zip(re.findall(r"^\.SS weigh ([\w\\-]+)$", page, re.M), re.split(r"^\.SS weigh .*$", page, flags=re.M)[1:]))
    for command in COMMANDS:
        for names, value in OPTIONS[command]:
            entry = ", ".join("\\fB" + name.replace("-", "\\-") + "\\fR" for name in names)
            entry += f" \\fI{value}\\fR\n" if value else "\n"
            check(".TP\n" + entry in sections.get(command, ""), f"man page: no {names} in {command}")
    check("3 \\-\\-require is not met" in page, "man page: no exit status 3")
    if shutil.which("man"):
        with tempfile.NamedTemporaryFile("w", suffix=".1") as file:
            file.write(page)
            file.flush()
            done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", file.name],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "80"}, check=False)
            check(done.returncode == 0 and done.stderr == "", f"man page: {done.stderr}")


BASH_CALL = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_weigh
printf '%s\\n' "${COMPREPLY[@]}"
"""


def bash_completes(script, *words):
    done = subprocess.run(["bash", "--norc", "-c", BASH_CALL, "bash", script, *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, cwd=folder, check=False)
    check(done.stderr == "", f"bash: {words}: {done.stderr}")
    return done.stdout.split("\n")[:-1]


def check_bash(script):
    registered = subprocess.run(["bash", "--norc", "-c", 'source "$1"; complete -p weigh', "bash", script],
                                stdout=subprocess.PIPE, text=True, check=False).stdout
    check(registered == "complete -F _weigh weigh\n", f"bash: registered is {registered!r}")
    for command in COMMANDS:
        shown = bash_completes(script, "weigh", command, "-")
        for names, _ in OPTIONS[command]:
            check(set(names) <= set(shown), f"bash: weigh {command} - does not give {names}: {shown}")
    first = bash_completes(script, "weigh", "")
    check(set(COMMANDS) <= set(first) and "a model.gguf" in first, f"bash: weigh '' gives {first}")
    devices = output_of("devices", "--format", "csv").splitlines()[1:]
    ids = {line.split(",")[0] for line in devices}
    for line in (("weigh", "a model.gguf", "--on", ""), ("weigh", "fit", "--on", ""), ("weigh", "--on", "=", "")):
        shown = bash_completes(script, *line)
        check(ids <= set(shown) and "local" in shown, f"bash: {line} lacks {sorted(ids - set(shown))}")
    rows = (
        (("weigh", "dev"), ["devices"]),
        (("weigh", "fit", "--on", "rtx-4090-d"), ["rtx-4090-d"]),
        (("weigh", "--on", "=", "rtx-4090-d"), ["rtx-4090-d"]),
        (("weigh", "fit", "--as", "Q4_K"), ["Q4_K_M", "Q4_K_S"]),
        (("weigh", "estimate", "--as", "al"), ["all"]),
        (("weigh", "scan", "--format", "j"), ["json", "jsonl"]),
        (("weigh", "tensors", "--format", "j"), ["json"]),
        (("weigh", "audit", "--format", "s"), ["sarif"]),
        (("weigh", "fit", "--require", "t"), ["tight"]),
        (("weigh", "fit", "--flash-attention", ""), ["off", "on"]),
        (("weigh", "fit", "--engine", "v"), ["vllm"]),
        (("weigh", "fit", "--kv-type", "q8"), ["q8_0"]),
        (("weigh", "tensors", "--sort", ""), ["bytes", "name", "offset"]),
        (("weigh", "tensors", "--group", ""), ["layer", "module", "role"]),
        (("weigh", "scan", "--sort", "par"), ["parameters"]),
        (("weigh", "fit", "--output", "a"), ["a model.gguf"]),
        (("weigh", "fit", "--context", ""), []),
        (("weigh", "fit", "a"), ["a model.gguf"]),
        (("weigh", "a"), ["audit", "a model.gguf"]),
        (("weigh", "devices", ""), []),
        (("weigh", "--vers"), ["--version"]),
    )
    for line, expected in rows:
        shown = sorted(word for word in bash_completes(script, *line) if word)
        check(shown == sorted(expected), f"bash: {line} gives {shown}, not {expected}")


def check_other_shell(shell, script, text):
    for command in COMMANDS:
        for names, _ in OPTIONS[command]:
            for name in names:
                if shell == "fish":
                    written = f"-l {name[2:]} " if name.startswith("--") else f"-s {name[1:]} "
                    part = "".join(line + "\n" for line in text.splitlines() if f"from {command}" in line)
                else:
                    written = f"{name}["
                    part = text[text.index(f"\n    ({command})\n"):]
                    part = part[:part.index(";;")]
                check(written in part, f"{shell}: no {name} in {command}")
    if shutil.which(shell):
        done = subprocess.run([shell, "-n", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        check(done.returncode == 0 and done.stderr == "", f"{shell} -n: {done.stderr}")


with tempfile.TemporaryDirectory() as folder:
    open(f"{folder}/a model.gguf", "w", encoding="utf-8").close()
    scripts = {}
    for name in ("bash", "zsh", "fish"):
        scripts[name] = output_of("--generate", f"complete-{name}")
        with open(f"{folder}/.{name}", "w", encoding="utf-8") as file:
            file.write(scripts[name])
    check_man_page(output_of("--generate", "man"))
    check_bash(f"{folder}/.bash")
    check_other_shell("zsh", f"{folder}/.zsh", scripts["zsh"])
    check_other_shell("fish", f"{folder}/.fish", scripts["fish"])
    wrong = subprocess.run([WEIGH, "--generate", "html"], stderr=subprocess.PIPE, text=True, check=False)
    check(wrong.returncode == 2 and "complete-fish" in wrong.stderr, f"--generate html: {wrong.stderr}")

for failure in failures:
    print(failure)
print(f"{len(COMMANDS)} commands, {sum(map(len, OPTIONS.values()))} options; {len(failures)} failures")
sys.exit(1 if failures else 0)
