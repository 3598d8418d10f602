#!/usr/bin/env bash
# run_target.sh TARGET SECONDS: fuzzes from all fixtures and the inputs found before; says how much code was reached. What
# breaks the target is kept in build/asan/found, and its log shown.
set -euo pipefail
target=$1
name=$(basename "$target")
found=build/asan/found
corpus=build/asan/corpus/$name
mkdir -p "$found" "$corpus"
log=$(mktemp)
if ! "$target" -max_total_time="$2" -rss_limit_mb=2048 -timeout=10 -dict="tests/fuzz/${name#fuzz_}.dict" \
  -artifact_prefix="$found/$name-" "$corpus" testdata/{gguf,safetensors,other,snapshots,fuzz} >"$log" 2>&1; then
  tail -n 60 "$log"
  echo "$name: broke; the input is in $found"
  rm -f "$log"
  exit 1
fi
sed -nE "s/^#([0-9]+)[[:space:]]+DONE[[:space:]]+cov: ([0-9]+) ft: ([0-9]+).*/$name: \\1 runs in $2 s, \\2 edges and \\3 features covered/p" "$log"
rm -f "$log"
