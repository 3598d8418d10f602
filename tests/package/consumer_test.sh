#!/usr/bin/env bash
# A stranger's project on an installed weigh, and with weigh in its own tree.
#
#   consumer_test.sh BUILD     a build folder with the program and the shared library
set -euo pipefail
build=$(realpath "$1")
source=$(realpath "$(dirname "$0")/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fixture=$source/testdata/gguf/good/$(ls "$source/testdata/gguf/good" | head -n 1)

fail() {
  printf 'consumer_test.sh: %s\n' "$*" >&2
  exit 1
}

# expect PROGRAM: it opens a fixture, and catches the error of a file that is none.
expect() {
  "$1" "$fixture" | grep -q 'parameters$' || fail "$1 does not open $fixture"
  ("$1" "$source/LICENSE" || true) | grep -q '^error: ' || fail "$1 does not catch the error of a file that is no model"
}

cmake --install "$build" --prefix "$work/installed" >"$work/log"
for file in bin/weigh include/weigh/weigh.h include/weigh/weigh_c.h share/man/man1/weigh.1.gz \
            share/bash-completion/completions/weigh share/zsh/site-functions/_weigh \
            share/fish/vendor_completions.d/weigh.fish share/weigh/schema/inspect.json; do
  [ -s "$work/installed/$file" ] || fail "$file is not installed"
done
# Only what is documented is there to be linked.
library=$(find "$work/installed" -name 'libweigh.so')
nm -D --defined-only -C "$library" | cut -d' ' -f3- | grep -v '^\(weigh_\|weigh::\|\(typeinfo\|typeinfo name\|vtable\) for weigh::\)' &&
  fail "libweigh.so shows names that are not weigh's"
nm -D --defined-only -C "$library" | cut -d' ' -f3- | grep '^weigh::core' && fail "libweigh.so shows what is inside"

# From the installed tree, which has moved since.
mv "$work/installed" "$work/moved"
library_dir=$(dirname "$(find "$work/moved" -name 'libweigh.so')")
cmake -S "$source/tests/package/consumer" -B "$work/found" -DCMAKE_PREFIX_PATH="$work/moved" >"$work/log" || { cat "$work/log"; exit 1; }
cmake --build "$work/found" >"$work/log" || { cat "$work/log"; exit 1; }
expect "$work/found/consumer"

# Without CMake.
export PKG_CONFIG_PATH=$library_dir/pkgconfig LD_LIBRARY_PATH=$library_dir
# shellcheck disable=SC2046
g++ -std=c++20 "$source/tests/package/consumer/consumer.cpp" -o "$work/by-pkg-config" $(pkg-config --cflags --libs weigh)
expect "$work/by-pkg-config"
[ "$(pkg-config --modversion weigh)" = "$("$work/moved/bin/weigh" --version | cut -d' ' -f2)" ] || fail "weigh.pc has another version"

# As a part of the build, where CLI11, SQLite and OpenSSL are not to be had.
cmake -S "$source/tests/package/consumer" -B "$work/inside" -G Ninja -DWEIGH_SOURCE="$source" -DCMAKE_CXX_FLAGS=-O0 \
  -DCMAKE_DISABLE_FIND_PACKAGE_CLI11=ON -DCMAKE_DISABLE_FIND_PACKAGE_SQLite3=ON -DCMAKE_DISABLE_FIND_PACKAGE_OpenSSL=ON \
  >"$work/log" || { cat "$work/log"; exit 1; }
cmake --build "$work/inside" >"$work/log" || { cat "$work/log"; exit 1; }
expect "$work/inside/consumer"
readelf -d "$work/inside/consumer" | grep -E 'libcrypto|libsqlite3' && fail "built without them, and linked with them"
# What has a digest is looked through and not compared, which is said.
mkdir "$work/model"
cp "$fixture" "$work/model/model.gguf"
(cd "$work/model" && sha256sum model.gguf >SHA256SUMS)
"$work/inside/consumer" "$work/model/model.gguf" --deep | grep -q 'not-checkable: .*not compared' ||
  fail "a build without OpenSSL does not say that a digest is not compared"
echo "consumer: 3 passed, 0 failed"
