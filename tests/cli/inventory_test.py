#!/usr/bin/env python3
"""weigh scan with lists and inventories that are damaged, held, foreign or hostile: inventory_test.py WEIGH TESTDATA [NAME...]

Each function below is one property that users rely on."""

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile

ADDRESS_SPACE = 256 << 20
SECONDS = 5


def weigh(*arguments, **options):
    options.setdefault("timeout", 60)
    return subprocess.run([WEIGH, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


def refused(done, *words):
    """Ended with 1 and a sentence that has the words, not by a signal."""
    assert done.returncode == 1, (done.returncode, done.stdout[-300:], done.stderr[-300:])
    for word in words:
        assert word in done.stderr, (word, done.stderr[-600:])


def models_in(scratch, count=3):
    """Folders m0, m1, ... with a model each; returns the folder of them all, the paths, and the inventory's path."""
    tree, paths = os.path.join(scratch, "tree"), []
    for i in range(count):
        folder = os.path.join(tree, f"m{i}")
        os.makedirs(folder)
        paths.append(shutil.copy(os.path.join(TESTDATA, "gguf/good/v3.gguf"), os.path.join(folder, f"{i}.gguf")))
    return tree, paths, os.path.join(scratch, "inventory.sqlite")


def listed(database, **options):
    done = weigh("scan", "--db", database, "--json", **options)
    return [model["path"] for model in json.loads(done.stdout)["models"]] if done.stdout else None


def sql(database, *statements):
    with sqlite3.connect(database) as connection:
        for statement in statements:
            connection.execute(*statement) if isinstance(statement, tuple) else connection.execute(statement)
    connection.close()


def contents(database):
    with open(database, "rb") as file:
        return file.read()


def what_is_no_list_is_an_error(scratch):
    database = os.path.join(scratch, "db")
    for flags in (("--files-from",), ("--db", database, "--load")):
        refused(weigh("scan", *flags, scratch), "folder")
        folder = os.open(scratch, os.O_RDONLY)
        refused(weigh("scan", *flags, "-", stdin=folder), "standard input")
        os.close(folder)
        refused(weigh("scan", *flags, "/proc/self/mem"), "/proc/self/mem", "cannot be read to its end")
        refused(weigh("scan", *flags, os.path.join(scratch, "missing")), "cannot be opened")
    tree, paths, _ = models_in(scratch)
    pipe = os.path.join(scratch, "pipe")
    os.mkfifo(pipe)
    writer = subprocess.Popen(["sh", "-c", 'printf "%s\\n" "$@" > ' + pipe, "sh", *paths])
    done = weigh("scan", "--files-from", pipe)
    writer.wait()
    assert done.returncode == 0 and len(done.stdout.splitlines()) == len(paths), done


def lines_have_a_bound(scratch):
    tree, paths, database = models_in(scratch)
    whole = weigh("scan", tree, "--format", "jsonl").stdout.splitlines()
    done = weigh("scan", "--files-from", "-", input=paths[0] + "\n" + "x" * 70_000 + "\n" + paths[1])
    refused(done, "line 2", "longer")
    assert [json.loads(line)["path"] for line in done.stdout.splitlines()] == paths[:1]
    refused(weigh("scan", "--files-from", "-", input=paths[0] + "\0" + paths[1]), "line 1")
    lines = os.path.join(scratch, "lines")
    with open(lines, "w") as file:
        file.write("\n".join([whole[0], '"' + "x" * (17 << 20) + '"', *whole[1:]]))
    refused(weigh("scan", "--db", database, "--load", lines, preexec_fn=LIMIT), lines + ": line 2")
    assert listed(database) == paths, "the other lines are taken in"


def hostile_lines(scratch):
    """Deep, wide and repetitive JSON under 256 MiB and five seconds; the lines beside it are taken in."""
    tree, paths, database = models_in(scratch)
    line = weigh("scan", os.path.dirname(paths[0]), "--format", "jsonl").stdout.splitlines()[0]
    hostile = {
        "deep objects": '{"a":' * 100_000,
        "deep objects, closed": '{"a":' * 100_000 + "1" + "}" * 100_000,
        "deep in a model": line[:-1] + ',"a":' + "[" * 100_000 + "]" * 100_000 + "}",
        "wide": "[" + "[]," * 5_000_000 + "[]]",
        "wide in a model": line[:-1] + ',"files":[' + "{}," * 3_000_000 + "{}]}",
        "many keys": "{" + ",".join(f'"{i}":0' for i in range(300_000)) + "}",
        "numbers": "[" + "1e9," * 3_000_000 + "1]",
        "a string": '"' + "\\u0041" * 2_000_000 + '"',
        "a number": "9" * 10_000_000,
        "no JSON": "\x01" * 1_000_000,
    }
    for name, text in hostile.items():
        lines = os.path.join(scratch, "lines")
        with open(lines, "w") as file:
            file.write(text + "\n" + line + "\n")
        done = weigh("scan", "--db", database, "--load", lines, preexec_fn=LIMIT)
        assert done.returncode == 1 and "line 1" in done.stderr, (name, done.returncode, done.stderr[-300:])
        assert len(done.stderr) < 5000, name
        assert listed(database) == paths[:1], name
        os.remove(database)
        # The same as a row of an inventory.
        weigh("scan", tree, "--db", database)
        sql(database, ("update models set model = ? where path = ?", (text, paths[1])))
        done = weigh("scan", "--db", database, "--json", preexec_fn=LIMIT)
        assert done.returncode == 1 and paths[1] in done.stderr and database in done.stderr, (name, done.stderr[-300:])
        assert [model["path"] for model in json.loads(done.stdout)["models"]] == [paths[0], paths[2]], name
        os.remove(database)


def counts_that_no_model_can_have(scratch):
    tree, paths, database = models_in(scratch, 1)
    good = json.loads(weigh("scan", tree, "--format", "jsonl").stdout)

    def changed(*keys_and_value):
        line = json.loads(json.dumps(good))
        *keys, last, value = keys_and_value
        part = line
        for key in keys:
            part = part[key]
        part[last] = value
        return line

    wrong = [changed("parameters", "total", value) for value in (-1, 1.5, "7", 2**63, 2**64, 1e30, [], True)]
    wrong += [changed("parameters", value) for value in (7, "7", [7])]
    wrong += [changed("parameters", "active", good["parameters"]["total"] + 1), changed("parameters", "active", -1)]
    wrong += [changed("weights", "bytes", value) for value in (-1, "4", 2**63, good["weights"]["bytes"] + 1)]
    wrong += [changed("weights", "bits_per_weight", value) for value in (0, -4.5, "4")]
    wrong += [changed("weights", "by_dtype", value) for value in (7, "F32", {})]
    wrong += [changed("weights", "by_dtype", 0, "bytes", -1), changed("weights", "by_dtype", 0, "parameters", 2**63)]
    wrong += [changed("files", value) for value in (7, "all", {"bytes": 4})]
    wrong += [changed("files", 0, "bytes", value) for value in (-1, 0.5, "4", 2**63)]
    wrong += [changed("experts", {"count": value}) for value in (-8, "8", 2**63)]
    wrong += [changed("modified", -1), changed("path", 7), changed("path", None), changed("weights", None)]
    wrong += [{"schema": "weigh.inspect/2", "error": {"path": "x", "message": "y", "offset": -1}}]
    text = "\n".join([json.dumps(good), *map(json.dumps, wrong), json.dumps(changed("path", "/last.gguf"))])
    done = weigh("scan", "--db", database, "--load", "-", input=text)
    refused(done)
    told = [line for line in done.stderr.splitlines() if ": line " in line]
    assert [int(line.split(": line ")[1].split(":")[0]) for line in told] == list(range(2, len(wrong) + 2)), (told, wrong)
    assert listed(database) == ["/last.gguf", paths[0]]


def every_line_of_a_scan_is_taken_in(scratch):
    """Whatever weigh says of a file, however broken it is, another weigh takes for a line."""
    database = os.path.join(scratch, "db")
    lines = weigh("scan", TESTDATA, "--format", "jsonl").stdout
    assert lines.count("\n") > 150
    done = weigh("scan", "--db", database, "--load", "-", input=lines)
    told = [line for line in done.stderr.splitlines() if ": line " in line]
    assert len(told) < 5 and all(line.endswith("more than any model has") for line in told), told


def a_listing_waits_for_nobody_and_changes_nothing(scratch):
    tree, paths, database = models_in(scratch)
    assert weigh("scan", tree, "--db", database).returncode == 0
    assert sorted(os.listdir(scratch)) == ["inventory.sqlite", "tree"], "nothing is left beside the inventory"
    before, stamp = contents(database), os.stat(database).st_mtime_ns
    assert listed(database) == paths
    assert contents(database) == before and os.stat(database).st_mtime_ns == stamp
    assert sorted(os.listdir(scratch)) == ["inventory.sqlite", "tree"]
    # As another scan in the middle of its work holds it.
    writer = sqlite3.connect(database, isolation_level=None)
    writer.execute("begin immediate")
    writer.execute("delete from models")
    assert listed(database, timeout=2) == paths
    writer.execute("rollback")
    # A scan goes on while somebody reads.
    reader = sqlite3.connect(database, isolation_level=None)
    reader.execute("begin")
    reader.execute("select count(*) from models").fetchone()
    os.remove(paths[0])
    assert weigh("scan", tree, "--db", database, timeout=5).returncode == 0
    assert listed(database) == paths[1:]
    assert reader.execute("select count(*) from models").fetchone() == (3,)
    reader.close()
    writer.close()


def an_inventory_that_cannot_be_written_is_listed(scratch):
    tree, paths, database = models_in(scratch)
    assert weigh("scan", tree, "--db", database).returncode == 0
    readers = [{}]
    if os.geteuid() == 0:  # who may write everywhere
        readers.append({"user": 65534, "group": 65534, "extra_groups": []})
    os.chmod(database, 0o444)
    os.chmod(scratch, 0o555)
    for journal in ("wal", "delete"):
        for reader in readers:
            assert listed(database, **reader) == paths, (journal, reader)
        os.chmod(scratch, 0o755)
        os.chmod(database, 0o644)
        sql(database, "pragma journal_mode = delete")
        os.chmod(database, 0o444)
        os.chmod(scratch, 0o555)
    os.chmod(scratch, 0o755)


def a_newer_version_is_left_alone(scratch):
    tree, paths, database = models_in(scratch)
    assert weigh("scan", tree, "--db", database).returncode == 0
    for version in ("1 99.0.0", "1 0.99", "2 0.0.1", "10 0.1.0"):
        sql(database, ("update weigh set value = ? where key = 'version'", (version,)))
        before = contents(database)
        assert listed(database) == paths
        refused(weigh("scan", tree, "--db", database), database, version.split()[1], "--db")
        refused(weigh("scan", "--db", database, "--load", "-", input=""), database)
        assert contents(database) == before, version
    for version in ("1 0.1.9", "1 0.0.10", "0 99.0", "nonsense"):
        sql(database, ("update weigh set value = ? where key = 'version'", (version,)))
        before = contents(database)
        assert listed(database) == paths
        assert contents(database) == before, "a listing does not rewrite it"
        assert weigh("scan", tree, "--db", database).returncode == 0
        assert listed(database) == paths


def a_damaged_row_is_named_and_read_anew(scratch):
    tree, paths, database = models_in(scratch)
    for damage in ("{", "", "7", '{"path":1}', '{"path":"x","weights":{"bytes":"many"}}', b"\xff\x00"):
        assert weigh("scan", tree, "--db", database).returncode == 0
        sql(database, ("update models set model = ? where path = ?", (damage, paths[1])))
        done = weigh("scan", "--db", database, "--json")
        refused(done, database, paths[1], "scan its folder again")
        document = json.loads(done.stdout)
        assert [model["path"] for model in document["models"]] == [paths[0], paths[2]]
        assert [error["path"] for error in document["errors"]] == [paths[1]]
        done = weigh("scan", tree, "--db", database)
        assert done.returncode == 0, done.stderr
        assert listed(database) == paths, "the next scan mends it"


def a_damaged_file_is_named(scratch):
    tree, paths, database = models_in(scratch, 40)
    assert weigh("scan", tree, "--db", database).returncode == 0
    whole = contents(database)
    for begin, end in ((0, 100), (100, 3000), (len(whole) // 2, len(whole)), (8192, len(whole))):
        broken = bytearray(whole)
        broken[begin:end] = b"\xa5" * (end - begin)
        for size in (len(whole), len(whole) // 3):
            with open(database, "wb") as file:
                file.write(broken[:size])
            for arguments in (("--db", database), (tree, "--db", database)):
                done = weigh("scan", *arguments, timeout=20)
                assert done.returncode in (0, 1), done
                if done.returncode == 1:
                    assert database in done.stderr and ("remove" in done.stderr or "again" in done.stderr), done.stderr
                with open(database, "wb") as file:
                    file.write(broken[:size])
    for name, text in (("text", b"no database at all, but long enough for one" * 30), ("empty", b"")):
        other = os.path.join(scratch, name)
        with open(other, "wb") as file:
            file.write(text)
        refused(weigh("scan", "--db", other), other)
        assert contents(other) == text
    sql(os.path.join(scratch, "other"), "create table models (path)")
    refused(weigh("scan", tree, "--db", os.path.join(scratch, "other")), "another program")


def rows_of_folders_that_cannot_be_entered_stay(scratch):
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        return "needs an ordinary user, or setpriv to become one"
    user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    os.chmod(scratch, 0o777)
    tree, paths, database = models_in(scratch)
    store = os.path.join(tree, "linked")
    os.makedirs(os.path.join(scratch, "blobs"))
    os.makedirs(store)
    shutil.copy(os.path.join(TESTDATA, "gguf/good/v3.gguf"), os.path.join(scratch, "blobs", "b"))
    os.symlink(os.path.join(scratch, "blobs", "b"), os.path.join(store, "linked.gguf"))
    paths = sorted([*paths, os.path.join(store, "linked.gguf")])
    for folder, _, names in os.walk(tree):
        os.chmod(folder, 0o755)
    assert weigh("scan", tree, "--db", database, **user).returncode == 0
    assert listed(database, **user) == paths
    for closed in (os.path.join(tree, "m1"), tree, os.path.join(scratch, "blobs")):
        for mode in (0o444, 0o000, 0o111 if closed == tree else 0o444):
            if os.geteuid() == 0:
                os.chown(closed, 0, 0)
            os.chmod(closed, mode)
            done = weigh("scan", tree, "--db", database, **user)
            os.chmod(closed, 0o755)
            refused(done, "ermission denied")
            assert "is gone" not in done.stderr and "not exist" not in done.stderr, done.stderr
            assert "not there" not in done.stderr, done.stderr
            assert listed(database, **user) == paths, (closed, oct(mode), listed(database, **user))
    return None


def main():
    tests = [what_is_no_list_is_an_error, lines_have_a_bound, hostile_lines, counts_that_no_model_can_have,
             every_line_of_a_scan_is_taken_in, a_listing_waits_for_nobody_and_changes_nothing,
             an_inventory_that_cannot_be_written_is_listed, a_newer_version_is_left_alone,
             a_damaged_row_is_named_and_read_anew, a_damaged_file_is_named, rows_of_folders_that_cannot_be_entered_stay]
    wanted = sys.argv[3:]
    failed = 0
    for test in tests:
        if wanted and test.__name__ not in wanted:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            os.chmod(scratch, 0o755)  # some tests go on as another user
            try:
                skipped = test(os.path.realpath(scratch))
                print(f"{test.__name__}: {'skipped: ' + skipped if skipped else 'ok'}")
            except (AssertionError, subprocess.TimeoutExpired, json.JSONDecodeError) as problem:
                failed += 1
                line = sys.exc_info()[2]
                while line.tb_next and "inventory_test" in line.tb_next.tb_frame.f_code.co_filename:
                    line = line.tb_next
                print(f"{test.__name__}: failed in line {line.tb_lineno}: {str(problem)[:2000]}")
    return 1 if failed else 0


os.environ.update(XDG_CONFIG_HOME="/nonexistent", WEIGH_ON="", WEIGH_DEVICES="")  # settings of whoever runs it
WEIGH, TESTDATA = (os.path.abspath(argument) for argument in sys.argv[1:3])
with open(WEIGH, "rb") as program:
    # A sanitizer maps terabytes of address space for itself.
    code = program.read()
    LIMIT = None if b"__asan_init" in code or b"__tsan_init" in code else limit
sys.exit(main())
