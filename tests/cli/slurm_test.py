#!/usr/bin/env python3
"""A Slurm array job of `weigh scan --shard`, against one scan: slurm_test.py WEIGH TESTDATA

Starts a Slurm of its own on this machine, and skips (77) where slurm-wlm is not installed or cannot be started.
"""

import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

PARTS = 4
CONFIG = """
ClusterName=weigh
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MailProg=/bin/true
ReturnToService=2
StateSaveLocation={scratch}/state
SlurmdSpoolDir={scratch}/spool
SlurmctldPidFile={scratch}/slurmctld.pid
SlurmdPidFile={scratch}/slurmd.pid
SlurmctldLogFile={scratch}/slurmctld.log
SlurmdLogFile={scratch}/slurmd.log
SlurmctldPort={port}
SlurmdPort={port_of_node}
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
JOB = """#!/bin/sh
"{weigh}" scan "{tree}" --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" --format jsonl \\
  > "{scratch}/part-$SLURM_ARRAY_TASK_ID.jsonl"
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def main():
    weigh, testdata = (os.path.abspath(argument) for argument in sys.argv[1:3])
    missing = [tool for tool in ("slurmctld", "slurmd", "sbatch", "sinfo") if not shutil.which(tool)]
    if missing:
        skip(f"slurm-wlm is not installed ({', '.join(missing)} missing)")
    with tempfile.TemporaryDirectory() as scratch:
        tree = os.path.join(scratch, "tree")
        for i in range(20):
            shutil.copytree(os.path.join(testdata, "gguf/good" if i % 2 else "safetensors/good/sharded"),
                            os.path.join(tree, f"m{i}"))
        for folder in ("state", "spool"):
            os.mkdir(os.path.join(scratch, folder))
        config = os.path.join(scratch, "slurm.conf")
        with open(config, "w") as file:
            file.write(CONFIG.format(host=socket.gethostname().split(".")[0], user=getpass.getuser(), scratch=scratch,
                                     port=free_port(), port_of_node=free_port(), cpus=os.cpu_count()))
        environment = dict(os.environ, SLURM_CONF=config)
        log = open(os.path.join(scratch, "start.log"), "w")
        daemons = [subprocess.Popen([name, "-D", "-f", config], env=environment, stdout=log, stderr=log)
                   for name in ("slurmctld", "slurmd")]
        try:
            for _ in range(60):
                state = subprocess.run(["sinfo", "-h", "-o", "%T"], env=environment, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True).stdout.split()
                if "idle" in state or any(daemon.poll() is not None for daemon in daemons):
                    break
                time.sleep(0.5)
            if "idle" not in state:
                with open(os.path.join(scratch, "start.log")) as file:
                    skip(f"Slurm does not start here: {file.read()[-300:].strip()}")
            job = os.path.join(scratch, "job.sh")
            with open(job, "w") as file:
                file.write(JOB.format(weigh=weigh, tree=tree, scratch=scratch))
            subprocess.run(["sbatch", "--wait", "--chdir", scratch, "--output", "/dev/null", f"--array=1-{PARTS}", job],
                           env=environment, check=False, stdout=subprocess.DEVNULL, timeout=180)
        finally:
            for daemon in daemons:
                daemon.terminate()
            for daemon in daemons:
                daemon.wait(timeout=30)
        parts = [os.path.join(scratch, f"part-{i}.jsonl") for i in range(1, PARTS + 1)]
        load = [argument for part in parts for argument in ("--load", part)]
        loaded, whole = os.path.join(scratch, "loaded.sqlite"), os.path.join(scratch, "whole.sqlite")
        subprocess.run([weigh, "scan", "--db", loaded, *load, "--quiet"], check=False)
        subprocess.run([weigh, "scan", tree, "--db", whole, "--quiet"], check=False)
        documents = [json.loads(subprocess.run([weigh, "scan", "--db", database, "--json"],
                                               stdout=subprocess.PIPE).stdout) for database in (loaded, whole)]
        models = [document["models"] for document in documents]
        counts = [sum(1 for _ in open(part)) for part in parts]
        print(f"{len(models[1])} models in {PARTS} jobs of {counts} lines")
        return 0 if models[0] == models[1] and len(models[1]) > 0 and min(counts) > 0 else 1


sys.exit(main())
