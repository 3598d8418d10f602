#!/usr/bin/env bash
# The packages as users install them: the .deb into a bare Debian, the .tar.gz unpacked into another, and a model
# weighed in each. Exits 77 where no bare Debian can be made.
#
#   install_test.sh PACKAGES TESTDATA
set -euo pipefail
packages=$(realpath "$1")
testdata=$(realpath "$2")
model=gguf/good/$(ls "$testdata/gguf/good" | head -n 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  printf 'install_test.sh: %s\n' "$*" >&2
  exit 1
}
skip() {
  printf 'install_test.sh: skipped: %s\n' "$*" >&2
  exit 77
}

deb=$(ls "$packages"/weigh_*.deb)
archive=$(ls "$packages"/weigh-*.tar.gz)

# --- What is in them -------------------------------------------------------------------------------------------------
lintian --fail-on error,warning --allow-root "$packages"/*.deb || fail "lintian has something to say"
mkdir "$work/archive"
tar -xzf "$archive" -C "$work/archive" --strip-components=1
program=$work/archive/bin/weigh
for file in bin/weigh share/man/man1/weigh.1.gz share/bash-completion/completions/weigh \
            share/fish/vendor_completions.d/weigh.fish share/zsh/site-functions/_weigh; do
  [ -s "$work/archive/$file" ] || fail "$archive has no $file"
done
# Any Linux with glibc 2.34: nothing newer is asked for, and nothing but the C library is.
newest=$(objdump -T "$program" | grep -oE 'GLIBC_[0-9.]+' | sort -Vu | tail -n 1)
[ "$(printf 'GLIBC_2.34\n%s\n' "$newest" | sort -V | tail -n 1)" = GLIBC_2.34 ] || fail "the program of the .tar.gz needs $newest"
others=$(objdump -p "$program" | awk '$1 == "NEEDED" {print $2}' | grep -vE '^(libc|libm|libdl|libpthread|ld-linux-[a-z0-9_-]+)\.so' || true)
[ -z "$others" ] || fail "the program of the .tar.gz needs $others"

# --- Installed into bare roots ---------------------------------------------------------------------------------------
[ "$(id -u)" -eq 0 ] || skip "only root can change the root folder"
command -v debootstrap >/dev/null || skip "debootstrap is not installed"
mirror=$(grep -hoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1) || true
bare=$work/bare
debootstrap --variant=minbase ${SUITE:-bookworm} "$bare" ${mirror:+$mirror} >"$work/log" 2>&1 ||
  skip "debootstrap made no bare Debian: $(tail -n 1 "$work/log")"
cp -a "$bare" "$work/other"

# inside ROOT: weighs a model there.
inside() {
  cp -r "$testdata" "$1/testdata"
  chroot "$1" /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/ weigh "testdata/$model" --on rtx-4090 >"$work/out" ||
    fail "weigh does not run in $1"
  grep -qi 'rtx' "$work/out" || fail "weigh shows no device in $1: $(cat "$work/out")"
  chroot "$1" /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/ weigh testdata/gguf/bad/truncated.gguf >/dev/null 2>"$work/err" &&
    fail "weigh takes a truncated file in $1"
  [ -s "$work/err" ] || fail "weigh says nothing of a truncated file in $1"
}

cp "$packages"/*.deb "$bare/tmp/"
cp /etc/apt/sources.list.d/debian.sources "$bare/etc/apt/sources.list.d/" 2>/dev/null || true
cp /etc/resolv.conf "$bare/etc/resolv.conf" 2>/dev/null || true
[ -d /etc/apt/apt.conf.d ] && cp -n /etc/apt/apt.conf.d/* "$bare/etc/apt/apt.conf.d/" 2>/dev/null || true
chroot "$bare" sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends /tmp/weigh_*.deb' \
  >"$work/log" 2>&1 || { tail -n 20 "$work/log"; fail "the .deb cannot be installed"; }
inside "$bare"
mkdir -p "$work/other/usr/local"
cp -r "$work/archive/." "$work/other/usr/local/"
inside "$work/other"
echo "packages: 2 passed, 0 failed"
