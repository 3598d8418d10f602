#!/usr/bin/env bash
# Builds weigh and runs it or its tests; installs the Debian packages that are missing, and nothing else.
#
#   ./build.sh run [ARGS...]   release build, then build/release/weigh ARGS (a model of testdata/ without ARGS)
#   ./build.sh test            release build and all tests
#   ./build.sh package         the .deb packages and the .tar.gz, into build/packages
#   ./build.sh CHECK           one of: test-asan, test-tsan, test-packages, test-consumer, fuzz, headers, tidy, format
#   ./build.sh fuzz --hours N  all fuzz targets for N hours of processor time
#   ./build.sh PRESET          only build: release, debug, asan, tsan
set -euo pipefail
cd "$(dirname "$0")"

packages=(g++ cmake ninja-build libsimdjson-dev nlohmann-json3-dev libzstd-dev libcli11-dev libfmt-dev libsqlite3-dev
          libssl-dev zlib1g-dev libbz2-dev liblzma-dev libcurl4-openssl-dev catch2 python3 gzip)
test_packages=(python3-jsonschema parallel pkg-config man-db nginx-light openssl)
clang_packages=(clang libclang-rt-dev)
package_packages=(dpkg-dev file lintian binutils)

say() { printf 'build.sh: %s\n' "$*" >&2; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    say "only root may run: $*"
    exit 1
  fi
}

install_missing() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  say "installing ${missing[*]}"
  # stdout belongs to the program that is run.
  as_root apt-get update -qq >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# quietly COMMAND...: its output only when it fails
quietly() {
  local log
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    exit 1
  fi
  rm -f "$log"
}

# build PRESET [TARGET...]
build() {
  local preset=$1
  shift
  say "building build/$preset"
  quietly cmake --preset "$preset"
  quietly cmake --build --preset "$preset" ${1:+--target "$@"}
}

run_tests() {
  ctest --preset "$1" -j "$(nproc)"
}

# static_library SOURCE OPTIONS...: builds what Debian has no static library of, from Debian's sources, into
# build/static-libraries.
static_library() {
  local source=$1 work=build/static-libraries/work
  shift
  [ -e "build/static-libraries/$source" ] && return 0
  say "building a static $source"
  mkdir -p "$work/lists/partial"
  sed 's/^Types:.*/Types: deb-src/; s/^deb /deb-src /' /etc/apt/sources.list.d/debian.sources >"$work/debian.sources"
  local apt=(-o "Dir::Etc::sourcelist=$PWD/$work/debian.sources" -o Dir::Etc::sourceparts=/dev/null
             -o "Dir::State::lists=$PWD/$work/lists" -o APT::Sandbox::User=root)
  [ -e "$work/updated" ] || quietly apt-get "${apt[@]}" update
  touch "$work/updated"
  (cd "$work" && quietly apt-get "${apt[@]}" source --only-source "$source")
  local folder
  folder=$(find "$work" -maxdepth 1 -type d -name "$source-*" | head -n 1)
  quietly cmake -S "$folder" -B "$work/build-$source" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF "$@"
  quietly cmake --build "$work/build-$source"
  quietly cmake --install "$work/build-$source" --prefix build/static-libraries
  touch "build/static-libraries/$source"
}

package() {
  install_missing "${packages[@]}" "${package_packages[@]}"
  rm -rf build/release/packages
  build deb
  (cd build/release && quietly cpack -G DEB)
  quietly cmake --preset release
  static_library simdjson -DSIMDJSON_DEVELOPER_MODE=OFF
  static_library fmtlib -DFMT_TEST=OFF -DFMT_DOC=OFF
  build static
  (cd build/static && quietly cpack -G TGZ)
  rm -rf build/packages
  mkdir build/packages
  mv build/release/packages/*.deb build/static/packages/*.tar.gz build/packages/
  ls build/packages/*
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
  test-asan | test-tsan)
    install_missing "${packages[@]}" "${test_packages[@]}" "${clang_packages[@]}"
    build "${command#test-}"
    run_tests "${command#test-}"
    ;;
  package)
    package
    ;;
  test-packages)
    install_missing debootstrap
    package
    as_root tests/package/install_test.sh build/packages testdata
    ;;
  test-consumer)
    install_missing "${packages[@]}" pkg-config
    build release
    tests/package/consumer_test.sh build/release
    ;;
  fuzz)
    # Every target in turn, as many at a time as there are cores: FUZZ_SECONDS each, or --hours N of processor time in all.
    install_missing "${packages[@]}" "${clang_packages[@]}"
    build asan fuzzers
    mapfile -t targets < <(find build/asan/tests/fuzz -maxdepth 1 -type f -executable -name 'fuzz_*' | sort)
    seconds=${FUZZ_SECONDS:-30}
    [ "${1:-}" = --hours ] && seconds=$(awk -v hours="${2:?hours}" -v n=${#targets[@]} 'BEGIN { print int(hours * 3600 / n) }')
    say "${#targets[@]} targets, $seconds s each"
    printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I {} tests/fuzz/run_target.sh {} "$seconds"
    ;;
  headers)
    # Each header by itself, in a compiler that has read nothing before it; of the last HEADER_COMMITS commits alone, if given.
    install_missing "${packages[@]}"
    { [ -n "${HEADER_COMMITS:-}" ] && git log -n "$HEADER_COMMITS" --diff-filter=d --format= --name-only || git ls-files; } |
      grep -E '^(formats|src)/.*\.h$' | sort -u | while read -r file; do [ ! -e "$file" ] || echo "$file"; done | xargs -P "$(nproc)" -I {} sh -c '
      echo "#include \"$1\"" | g++ -std=c++20 -fsyntax-only -Wall -Wextra -Werror -I. -x c++ - || { echo "$1 does not compile alone"; exit 1; }' sh {}
    ;;
  tidy)
    # The files that the last commits changed, or those that are named. The compile database is clang's.
    install_missing "${packages[@]}" "${clang_packages[@]}" clang-tidy
    quietly cmake --preset tidy
    [ $# -gt 0 ] || mapfile -t files < <(git log -n "${TIDY_COMMITS:-5}" --diff-filter=d --format= --name-only -- \
      'formats/*.cpp' 'src/*.cpp' | awk '!seen[$0]++' | while read -r file; do [ -e "$file" ] && echo "$file"; done)
    [ $# -eq 0 ] || files=("$@")
    say "clang-tidy reads $((${#files[@]} < ${TIDY_FILES:-8} ? ${#files[@]} : ${TIDY_FILES:-20})) of ${#files[@]} files"
    printf '%s\n' "${files[@]:0:${TIDY_FILES:-8}}" | xargs -r -P "$(nproc)" -n 1 clang-tidy --quiet -p build/tidy
    ;;
  format)
    install_missing clang-format
    git ls-files '*.cpp' '*.h' | xargs clang-format --dry-run --Werror
    ;;
  release | debug | asan | tsan)
    install_missing "${packages[@]}" "${test_packages[@]}" "${clang_packages[@]}"
    build "$command"
    ;;
  *)
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
