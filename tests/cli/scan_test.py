#!/usr/bin/env python3
"""weigh scan on trees made here: scan_test.py WEIGH TESTDATA [NAME...]

Each function below is one property that users rely on. WEIGH_KILLS sets how often the scan with an inventory is killed.
"""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

KILLS = int(os.environ.get("WEIGH_KILLS", "12"))


class Tree:
    """A folder with models among other files; what is in it is known."""

    def __init__(self, root, testdata, folders=24, others=10):
        self.root = root
        self.models = []
        good = os.path.join(testdata, "gguf/good/v3.gguf")
        shards = os.path.join(testdata, "safetensors/good/sharded")
        for i in range(folders):
            folder = os.path.join(root, f"area {i % 5}", f"m{i:04}")
            os.makedirs(folder)
            for n in range(others):
                with open(os.path.join(folder, f"notes-{n}.txt"), "w") as file:
                    file.write("nothing to weigh\n")
            if i % 4 == 3:
                for name in os.listdir(shards):
                    shutil.copy(os.path.join(shards, name), folder)
                self.models.append(os.path.join(folder, sorted(n for n in os.listdir(folder) if "-of-" in n)[0]))
            else:
                for name in ("a.gguf", "b.gguf"):
                    shutil.copy(good, os.path.join(folder, name))
                    self.models.append(os.path.join(folder, name))


def weigh(*arguments, **options):
    options.setdefault("timeout", 120)
    return subprocess.run([WEIGH, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def lines_of(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def listing(database):
    """What an inventory says, without what differs between two of the same content."""
    document = json.loads(weigh("scan", "--db", database, "--json").stdout)
    return document["models"], document["errors"]


def every_model_once(scratch):
    tree = Tree(os.path.join(scratch, "tree"), TESTDATA)
    for threads in ("1", "2", "7"):
        done = weigh("scan", tree.root, "--format", "jsonl", "--threads", threads)
        assert done.returncode == 0, done.stderr
        assert sorted(line["path"] for line in lines_of(done)) == sorted(tree.models)
        assert done.stderr == "", "nothing but the report where nobody looks"
    documents = {weigh("scan", tree.root, "--json", "--threads", threads).stdout for threads in ("1", "2", "7")}
    assert len(documents) == 1, "the order does not depend on the threads"
    totals = json.loads(documents.pop())["totals"]
    assert totals["models"] == len(tree.models)
    assert totals["file_bytes"] == sum(
        os.path.getsize(os.path.join(folder, name))
        for folder, _, names in os.walk(tree.root) for name in names if name.endswith((".gguf", ".safetensors")))


def links_count_once(scratch):
    tree = Tree(os.path.join(scratch, "tree"), TESTDATA, folders=8)
    first = tree.models[0]
    os.link(first, os.path.join(tree.root, "hard link.gguf"))
    os.symlink(first, os.path.join(tree.root, "0 soft link.gguf"))
    os.symlink(tree.root, os.path.join(tree.root, "area 0", "loop"))
    os.symlink(os.path.join(tree.root, "area 1"), os.path.join(tree.root, "area 2", "again"))
    done = weigh("scan", tree.root, tree.root, os.path.join(tree.root, "area 0"), "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    paths = [model["path"] for model in document["models"]]
    assert sorted(os.stat(path).st_ino for path in paths) == sorted(os.stat(path).st_ino for path in tree.models), paths
    assert not any(os.path.islink(path) for path in paths), "a file's own name is the better one"
    assert document["totals"]["links"] == 2


def bad_files_end_nothing(scratch):
    tree = Tree(os.path.join(scratch, "tree"), TESTDATA, folders=8)
    with open(os.path.join(tree.root, "cut.gguf"), "wb") as file:
        file.write(b"GGUF\x03\x00\x00")
    os.symlink("nowhere", os.path.join(tree.root, "gone.gguf"))
    os.mkfifo(os.path.join(tree.root, "pipe.gguf"))
    os.mkdir(os.path.join(tree.root, "folder.gguf"))
    closed = os.path.join(tree.root, "closed")
    os.mkdir(closed, 0)
    done = weigh("scan", tree.root, "--format", "jsonl")
    os.chmod(closed, 0o700)
    assert done.returncode == 1
    lines = lines_of(done)
    assert all(line["schema"] == "weigh.inspect/2" for line in lines)
    assert sorted(line["path"] for line in lines if "path" in line) == sorted(tree.models)
    failed = {os.path.basename(line["error"]["path"]) for line in lines if "error" in line}
    expected = {"cut.gguf", "gone.gguf"} | (set() if os.geteuid() == 0 else {"closed"})
    assert failed == expected, failed
    assert weigh("scan", os.path.join(tree.root, "missing")).returncode == 1


def filters_and_order(scratch):
    tree = Tree(os.path.join(scratch, "tree"), TESTDATA, folders=8)
    small = weigh("scan", tree.root, "--filter", "format=safetensors", "--format", "jsonl")
    assert {line["format"] for line in lines_of(small)} == {"safetensors"}
    by_size = [m["files"][0]["bytes"] for m in json.loads(weigh("scan", tree.root, "--sort", "-size", "--json").stdout)["models"]]
    assert by_size, "sorted"
    assert weigh("scan", tree.root, "--filter", "colour=red").returncode == 2
    assert weigh("scan", tree.root, "--min-size", "1GiB", "--json").stdout.count('"path"') == 0


def a_look_is_no_use(scratch):
    tree = Tree(os.path.join(scratch, "tree"), TESTDATA, folders=3)
    now = time.time()
    for i, path in enumerate(tree.models):
        os.utime(path, (now - (100 + i) * 86400, now - (10 + i) * 86400))
    before = [os.stat(path).st_atime_ns for path in tree.models]
    database = os.path.join(scratch, "inventory.sqlite")
    for arguments in ((tree.root,), (tree.root, "--db", database), ("--db", database)):
        lines = lines_of(weigh("scan", *arguments, "--sort", "used", "--filter", "used > 99 d", "--format", "jsonl"))
        files = [m["files"][0]["path"] for m in lines]
        assert [m["path"] for m in lines][0] == tree.models[-1], files
        assert len(lines) >= 4, files
        old = lines_of(weigh("scan", *arguments, "--filter", "age>10.5d", "--filter", "age < 11.5 days", "--format", "jsonl"))
        assert [m["path"] for m in old] == tree.models[1:2], old
    assert [os.stat(path).st_atime_ns for path in tree.models] == before, "the times of last use are as they were"
    os.utime(tree.models[-1], (now, now - 20 * 86400))
    lines = lines_of(weigh("scan", "--db", database, "--filter", "used < 1d", "--format", "jsonl"))
    assert tree.models[-1] in [m["path"] for m in lines], "an inventory asks anew when a model was last used"


def an_inventory_reads_only_what_changed(scratch):
    tree = Tree(os.path.join(scratch, "tree"), TESTDATA)
    database = os.path.join(scratch, "inventory.sqlite")
    assert weigh("scan", tree.root, "--db", database).returncode == 0
    before = listing(database)
    # Same size and time, other bytes: whoever opened it again would see that it is no model any more.
    victim = tree.models[0]
    stamp = os.stat(victim)
    with open(victim, "r+b") as file:
        file.write(b"XXXX")
    os.utime(victim, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert weigh("scan", tree.root, "--db", database).returncode == 0
    assert listing(database) == before
    os.utime(victim)
    done = weigh("scan", tree.root, "--db", database)
    assert done.returncode == 1 and victim in done.stderr, done.stderr
    os.remove(victim)
    shutil.rmtree(os.path.dirname(tree.models[-1]))
    assert weigh("scan", tree.root, "--db", database).returncode == 0
    paths = [model["path"] for model in listing(database)[0]]
    gone = {victim} | {m for m in tree.models if os.path.dirname(m) == os.path.dirname(tree.models[-1])}
    assert paths == sorted(set(tree.models) - gone)
    # Verdicts are kept with the models; those of another device are not there yet.
    assert weigh("scan", tree.root, "--db", database, "--on", "rtx-4090", "--require", "fits").returncode == 0
    assert all(model["fit"] for model in listing(database)[0])


def killed_at_any_moment(scratch):
    tree = Tree(os.path.join(scratch, "tree"), TESTDATA, folders=160, others=2)
    whole = os.path.join(scratch, "whole.sqlite")
    begin = time.monotonic()
    assert weigh("scan", tree.root, "--db", whole).returncode == 0
    lasted = time.monotonic() - begin
    expected = listing(whole)
    chance = random.Random(7)
    for _ in range(KILLS):
        database = os.path.join(scratch, "killed.sqlite")
        for suffix in ("", "-journal", "-wal", "-shm"):
            if os.path.exists(database + suffix):
                os.remove(database + suffix)
        process = subprocess.Popen([WEIGH, "scan", tree.root, "--db", database], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, lasted))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert weigh("scan", tree.root, "--db", database).returncode == 0
        assert listing(database) == expected


def a_full_disk_is_a_sentence(scratch):
    tree = Tree(os.path.join(scratch, "tree"), TESTDATA, folders=60, others=1)

    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))

    database = os.path.join(scratch, "small.sqlite")
    done = weigh("scan", tree.root, "--db", database, preexec_fn=limited)
    assert done.returncode == 1 and "small.sqlite" in done.stderr, done
    assert weigh("scan", tree.root, "--db", database).returncode == 0, "what was written can be gone on with"
    output = os.path.join(scratch, "report.jsonl")
    done = weigh("scan", tree.root, "--format", "jsonl", "--output", output, preexec_fn=limited)
    assert done.returncode == 1 and done.stderr.startswith("weigh: "), done
    assert not os.path.exists(output), "nothing half-written"
    assert [n for n in os.listdir(scratch) if n.startswith("report")] == []


def a_closed_pipe_ends_it_quietly(scratch):
    tree = Tree(os.path.join(scratch, "tree"), TESTDATA, folders=60, others=1)
    for _ in range(30):  # several threads may find the pipe closed at once
        process = subprocess.Popen([WEIGH, "scan", tree.root, "--format", "jsonl"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == b""


def parts_make_the_whole(scratch):
    tree = Tree(os.path.join(scratch, "tree"), TESTDATA)
    whole = os.path.join(scratch, "whole.sqlite")
    weigh("scan", tree.root, "--db", whole)
    lines, paths = os.path.join(scratch, "lines.jsonl"), []
    with open(lines, "w") as file:
        for part in range(1, 5):
            done = weigh("scan", tree.root, "--shard", f"{part}/4", "--format", "jsonl")
            assert done.returncode == 0
            file.write(done.stdout)
            paths += [line["path"] for line in lines_of(done)]
    assert sorted(paths) == sorted(tree.models), "each in exactly one part"
    loaded = os.path.join(scratch, "loaded.sqlite")
    assert weigh("scan", "--db", loaded, "--load", lines).returncode == 0
    assert listing(loaded) == listing(whole)
    with open(lines, "a") as file:
        file.write("not a line\n")
    done = weigh("scan", "--db", loaded, "--load", lines)
    assert done.returncode == 1 and f"line {len(tree.models) + 1}" in done.stderr
    for wrong in ("0/4", "5/4", "x", "1", "1/0", "1/4/2"):
        assert weigh("scan", tree.root, "--shard", wrong).returncode == 2, wrong


def all_files(tree):
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(tree.root) for name in names
                  if name.endswith((".gguf", ".safetensors")))


def lists_of_files(scratch):
    tree = Tree(os.path.join(scratch, "tree"), TESTDATA)
    done = weigh("scan", "--files-from", "-", input="\n".join(all_files(tree)) + "\n\nmissing.gguf\n")
    assert done.returncode == 1
    lines = lines_of(done)
    assert sorted(line["path"] for line in lines if "path" in line) == sorted(tree.models), "each set once"
    assert [line["error"]["path"] for line in lines if "error" in line] == ["missing.gguf"]
    listed = os.path.join(scratch, "list")
    with open(listed, "w") as file:
        file.write("\n".join(all_files(tree)))
    parts = [line["path"] for part in (1, 2, 3)
             for line in lines_of(weigh("scan", "--files-from", listed, "--shard", f"{part}/3"))]
    assert sorted(parts) == sorted(tree.models)


def copies_are_told_from_look_alikes(scratch):
    for name in ("base", "copy", "tuned"):
        shutil.copytree(os.path.join(TESTDATA, "safetensors/good/sharded"), os.path.join(scratch, "models", name))
    with open(os.path.join(scratch, "models/tuned/model-00003-of-00003.safetensors"), "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x3f")
    shallow, deep = (json.loads(weigh("scan", os.path.join(scratch, "models"), "--json", *flags).stdout)["totals"]["copies"]
                     for flags in ((), ("--deep",)))
    assert [(group["same"], len(group["paths"])) for group in shallow] == [("header", 3)]
    assert [(group["same"], [path.split("/")[-2] for path in group["paths"]]) for group in deep] == [("file", ["base", "copy"])]
    assert deep[0]["reclaimable_bytes"] == 1360


def gnu_parallel(scratch):
    if not shutil.which("parallel"):
        return "GNU parallel is not installed"
    tree = Tree(os.path.join(scratch, "tree"), TESTDATA)
    whole = os.path.join(scratch, "whole.sqlite")
    weigh("scan", tree.root, "--db", whole)
    command = ["parallel", "--will-cite", "-j2", WEIGH, "scan", tree.root, "--shard", "{}/6", "--format", "jsonl", ":::",
               *map(str, range(1, 7))]
    environment = dict(os.environ, HOME=scratch)
    lines = os.path.join(scratch, "lines.jsonl")
    with open(lines, "w") as file:
        subprocess.run(command, check=True, stdout=file, env=environment, timeout=120)
    loaded = os.path.join(scratch, "loaded.sqlite")
    assert weigh("scan", "--db", loaded, "--load", lines).returncode == 0
    assert listing(loaded) == listing(whole)
    listed = "\n".join(all_files(tree)) + "\n"
    command = ["parallel", "--will-cite", "-j2", "--pipe", "-N", "25", WEIGH, "scan", "--files-from", "-"]
    done = subprocess.run(command, input=listed, stdout=subprocess.PIPE, text=True, env=environment, timeout=120)
    # A set whose parts are dealt to several jobs comes from each of them; loading makes them one.
    assert {line["path"].rsplit("/", 1)[0] for line in lines_of(done)} == {m.rsplit("/", 1)[0] for m in tree.models}
    return None


def main():
    tests = [every_model_once, links_count_once, bad_files_end_nothing, filters_and_order, a_look_is_no_use,
             an_inventory_reads_only_what_changed, killed_at_any_moment, a_full_disk_is_a_sentence,
             a_closed_pipe_ends_it_quietly, parts_make_the_whole, lists_of_files, copies_are_told_from_look_alikes,
             gnu_parallel]
    wanted = sys.argv[3:]
    failed = 0
    for test in tests:
        if wanted and test.__name__ not in wanted:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            try:
                skipped = test(os.path.realpath(scratch))
                print(f"{test.__name__}: {'skipped: ' + skipped if skipped else 'ok'}")
            except AssertionError as problem:
                failed += 1
                line = sys.exc_info()[2]
                while line.tb_next:
                    line = line.tb_next
                print(f"{test.__name__}: failed in line {line.tb_lineno}: {str(problem)[:2000]}")
    return 1 if failed else 0


WEIGH, TESTDATA = (os.path.abspath(argument) for argument in sys.argv[1:3])
sys.exit(main())
