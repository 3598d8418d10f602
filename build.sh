#!/usr/bin/env bash
# Builds weigh and runs it or its tests; installs the Debian packages that are missing, and nothing else.
#
#   ./build.sh run [ARGS...]   release build, then build/release/weigh ARGS (a model of testdata/ without ARGS)
#   ./build.sh test            release build and all tests
#   ./build.sh PRESET          only build: release, debug, asan, tsan, fuzz, tidy
set -euo pipefail
cd "$(dirname "$0")"

# catch2 and python3 are needed to configure, whatever is built.
packages=(g++ cmake ninja-build libsimdjson-dev nlohmann-json3-dev libzstd-dev libcli11-dev libfmt-dev libsqlite3-dev
          libssl-dev catch2 python3)
test_packages=(python3-jsonschema parallel)
clang_packages=(clang libclang-rt-dev clang-tidy clang-format)

say() { printf 'build.sh: %s\n' "$*" >&2; }

install_missing() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { say "missing packages: ${missing[*]}; install them as root"; exit 1; }
    root=(sudo)
  fi
  say "installing ${missing[*]}"
  # stdout belongs to the program that is run.
  "${root[@]}" apt-get update -qq >&2
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# build PRESET [TARGET]
build() {
  local preset=$1 target=${2:-all}
  local log
  log=$(mktemp)
  say "building build/$preset"
  if ! { cmake --preset "$preset" && cmake --build --preset "$preset" --target "$target"; } >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    exit 1
  fi
  rm -f "$log"
}

# run_tests PRESET [CTEST_FLAGS...]
run_tests() {
  local preset=$1
  shift
  ctest --test-dir "build/$preset" --output-on-failure -j "$(nproc)" "$@"
}

command=${1:-}
[ $# -gt 0 ] && shift
case "$command" in
  run)
    install_missing "${packages[@]}"
    build release weigh
    [ $# -gt 0 ] || set -- testdata/snapshots/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst --on rtx-4090
    exec build/release/weigh "$@"
    ;;
  test)
    install_missing "${packages[@]}" "${test_packages[@]}"
    build release
    run_tests release
    ;;
  test-asan)
    install_missing "${packages[@]}" "${test_packages[@]}"
    build asan
    # The form of 2,000 documents is the same in any build, and each is a process.
    run_tests asan -E '^schema$'
    ;;
  fuzz)
    install_missing "${packages[@]}" "${test_packages[@]}" "${clang_packages[@]}"
    build fuzz fuzzers
    for target in build/fuzz/tests/fuzz/fuzz_*; do
      [ -x "$target" ] && [ -f "$target" ] || continue
      name=$(basename "$target")
      say "$name for ${FUZZ_SECONDS:-30} s"
      work=$(mktemp -d)
      "$target" -max_total_time="${FUZZ_SECONDS:-30}" -rss_limit_mb=2048 -timeout=10 -print_final_stats=0 \
        -dict="tests/fuzz/${name#fuzz_}.dict" -artifact_prefix="$work/" "$work" testdata/{gguf,safetensors,other,snapshots,fuzz}
      rm -rf "$work"
    done
    ;;
  format)
    install_missing clang-format
    git ls-files '*.cpp' '*.h' | xargs clang-format --dry-run --Werror
    ;;
  release | debug | asan | tsan | tidy)
    install_missing "${packages[@]}" "${test_packages[@]}" "${clang_packages[@]}"
    build "$command"
    ;;
  *)
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
