#!/usr/bin/env bash
# Builds the archives of static Buildah as they are released: on a Debian 12 of its own whose compilers and C libraries are
# pinned (packages.txt), with the Go of go.mod's `toolchain`. Everywhere they come out with the bytes of dist/buildah.json.
#
#   sudo --preserve-env bash scripts/static-buildah/release.sh FOLDER
#
# Needs root, mmdebstrap with Debian's keys, and a Go that can fetch the one that is wanted (1.21 or later). DEBIAN is the
# address of a mirror, or of an older state of Debian's archive, to use instead of what mmdebstrap takes by itself. Packages
# of other versions than the pinned ones are refused wherever they come from.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scripts=$(dirname "$here")
out=$(realpath "$1")

root=$(mktemp -d)
chmod 0755 "$root"
cleanup() {
  umount --lazy "$root/proc" 2>/dev/null || true
  rm -rf --one-file-system "$root"
}
trap cleanup EXIT

mapfile -t pinned < <(grep --invert-match '^#' "$here/packages.txt")
# The signed index of a state that is some weeks old says that it is too old.
mmdebstrap --quiet --variant=apt --architectures=amd64,arm64 --aptopt='Acquire::Check-Valid-Until "false"' \
  --include="$(IFS=, && echo "${pinned[*]%%=*}" | sed 's/:all//g')" bookworm "$root" ${DEBIAN:+"$DEBIAN"} >&2

for package in "${pinned[@]}"; do
  found=$(chroot "$root" dpkg-query --show --showformat='${Package}:${Architecture}=${Version}\n' "${package%%:*}")
  if ! grep --quiet --line-regexp --fixed-strings -e "$package" <<<"$found"; then
    echo "The archives are built with $package, and this mirror has ${found//$'\n'/, }" >&2
    exit 1
  fi
done

modules=$(bash "$scripts/static-buildah.sh" --modules)
go=$(sed -n 's/^toolchain //p' "$modules/go.mod")
# Checked by Go against the public log of checksums, as the modules are against go.sum.
GOTOOLCHAIN=$go go version | grep --quiet " $go " || { echo "Go finds no $go" >&2 && exit 1; }
cp --recursive "$(GOTOOLCHAIN=$go go env GOROOT)" "$root/go"
(cd "$modules" && GOTOOLCHAIN=$go GOMODCACHE=$root/modules go mod download)
cp --recursive "$scripts" "$root/scripts"
mkdir "$root/out"
mount -t proc proc "$root/proc"
chroot "$root" env --ignore-environment PATH=/go/bin:/usr/sbin:/usr/bin HOME=/root GOMODCACHE=/modules GOPROXY=off \
  GOTOOLCHAIN=local GOFLAGS="${GOFLAGS-}" bash /scripts/static-buildah.sh /out amd64 arm64
cp "$root"/out/*.tar.gz "$out"
(cd "$out" && sha256sum -- *.tar.gz >SHA256SUMS && cat SHA256SUMS)
