#!/bin/sh
# deep_audit.sh WEIGH [GIB]: how fast `weigh audit --deep` goes through a file, beside sha256sum and plain reading.
# Figures, not a test. The file, F16 and GIB (2) large, is made in $TMPDIR and is in the page cache when it is read; to
# measure a disk, drop the cache between the runs.
set -eu
weigh=${1:?usage: deep_audit.sh WEIGH [GIB]}
gib=${2:-2}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
file=$folder/model.safetensors

python3 - "$file" "$gib" <<'PYTHON'
import json, os, struct, sys

path, gib = sys.argv[1], int(sys.argv[2])
tensor = 64 << 20
header = {}
for i in range(gib * (1 << 30) // tensor):
    header[f"model.layers.{i}.mlp.up_proj.weight"] = {
        "dtype": "F16", "shape": [tensor // 2 // 4096, 4096], "data_offsets": [i * tensor, (i + 1) * tensor]}
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
# Random numbers, all finite: one bit of each exponent is never set.
block = bytearray(os.urandom(1 << 20))
block[1::2] = bytes(byte & 0xBB for byte in block[1::2])
with open(path, "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text)
    for _ in range(gib << 10):
        file.write(block)
PYTHON

bytes=$(stat -c %s "$file")
measure() {
  label=$1
  shift
  best=
  for _ in 1 2 3; do
    begin=$(date +%s%N)
    "$@" > /dev/null
    took=$(($(date +%s%N) - begin))
    if [ -z "$best" ] || [ "$took" -lt "$best" ]; then best=$took; fi
  done
  printf '%-24s %6d MB/s\n' "$label" $((bytes * 1000 / best))
}

cat "$file" > /dev/null
measure 'cat' cat "$file"
measure 'sha256sum' sha256sum "$file"
measure 'openssl dgst -sha256' openssl dgst -sha256 "$file"
measure 'weigh audit' "$weigh" audit "$file"
# Without a digest to compare with, audit does not hash.
measure 'weigh audit --deep' "$weigh" audit --deep "$file"
(cd "$folder" && sha256sum model.safetensors > SHA256SUMS)
measure '  with a SHA256SUMS' "$weigh" audit --deep "$file"
