#!/bin/sh
# Makes the models of the corpus that have recorded runs, and holds the memory model against them.
# usage: memory_error.sh PROGRAM CORPUS FOLDER     exit status: see memory_error.cpp
set -eu
program=$1 corpus=$2 models=$3
[ -r "$corpus/runtime/llama.cpp-v0.5.0-cpu.json" ] || exit 77
command -v python3 >/dev/null || exit 77
mkdir -p "$models"
names=$(python3 -c 'import json, sys; print("\n".join(json.load(open(sys.argv[1]))["models"]))' \
  "$corpus/runtime/llama.cpp-v0.5.0-cpu.json")
# Names have no spaces; the words are wanted apart.
# shellcheck disable=SC2086
python3 "$corpus/materialize.py" "$models" $names >/dev/null
exec "$program" "$corpus" "$models"
