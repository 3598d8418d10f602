#!/bin/sh
# Holds the memory model against other recorded runs than those of docs/conformance.
# usage: memory_error.sh PROGRAM CORPUS FOLDER [OPTION...]
# CORPUS is what tests/conformance/make_vectors.py reads; FOLDER gets what it makes. Exit status: see memory_error.cpp.
set -eu
program=$1 corpus=$2 folder=$3
shift 3
[ -d "$corpus/runtime" ] || exit 77
command -v python3 >/dev/null || exit 77
python3 "$(dirname "$0")/../conformance/make_vectors.py" "$corpus" "$folder" >&2
exec "$program" "$folder" "$@"
