#!/usr/bin/env bash
# Builds the Buildah that is released with the action, static, from its Go module.
#
#   bash scripts/static-buildah.sh                    # for this machine and the tests
#   bash scripts/static-buildah.sh FOLDER ARCH…       # for a release: amd64, arm64
#   bash scripts/static-buildah.sh --modules          # prints the folder of its go.mod
#
# The first form keeps what it builds (kept.sh) and prints the folder of it. Both make bin/buildah, and of it
# buildah-VERSION-linux-ARCH.tar.gz with the licences of all that is linked in; the second makes the archives alone.
#
# Needs the Go that go.mod asks for, and for each ARCH a C compiler, pkg-config, libc.a and libseccomp.a. Where one is
# missing, the first form prints that instead and ends with 69 (EX_UNAVAILABLE). Archives have the same bytes wherever the
# same compilers and C libraries make them: static-buildah/release.sh has those of the release.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/kept.sh"

version=1.45.0
modules=$here/go/buildah/$version
package=go.podman.io/buildah/cmd/buildah
# The excluded drivers would need C libraries that no static build has; `openpgp` is Go's own instead of gpgme. Names of
# users and hosts are resolved by Go, since the C library would load others for that; nor does SQLite load any.
tags='containers_image_openpgp exclude_graphdriver_btrfs exclude_graphdriver_devicemapper osusergo netgo seccomp sqlite_omit_load_extension'

# environment ARCH: what Go and pkg-config need to know to build for it, as NAME=value lines. cgo, since Buildah enters
# its user namespace in C.
environment() {
  local triplet=x86_64-linux-gnu
  [[ $1 == amd64 ]] || triplet=aarch64-linux-gnu
  printf '%s\n' CGO_ENABLED=1 "GOARCH=$1" "CC=$triplet-gcc" "PKG_CONFIG_LIBDIR=/usr/lib/$triplet/pkgconfig"
  # A cross compiler finds a C library of its own first, which gets no security updates.
  printf '%s\n' "CGO_LDFLAGS=-B/usr/lib/$triplet -L/usr/lib/$triplet" 'CGO_CFLAGS=-O2' LC_ALL=C TZ=UTC
}

# build ARCH FOLDER: makes bin/ and the archive in the folder.
build() {
  local arch=$1 folder=$2 variables
  mapfile -t variables < <(environment "$arch")
  echo "Building Buildah $version for $arch with $(go env GOVERSION): one to four minutes on two cores" >&2
  mkdir -p "$folder/bin"
  (
    cd "$modules"
    export "${variables[@]}"
    go build -mod=readonly -trimpath -buildvcs=false -tags "$tags" -o "$folder/bin/buildah" \
      -ldflags '-s -w -buildid= -linkmode external -extldflags "-static -Wl,--build-id=none"' "$package"
    bash "$here/static-buildah/licenses.sh" "$tags" "$package" >"$folder/licenses.txt"
  )
  chmod 0755 "$folder/bin" "$folder/bin/buildah"
  chmod 0644 "$folder/licenses.txt"
  tar --create --directory "$folder" --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
    bin licenses.txt | gzip -9 --no-name >"$folder/buildah-$version-linux-$arch.tar.gz"
}

# lacking ARCH: what is missing to build for it, if anything.
lacking() {
  local variables
  mapfile -t variables < <(environment "$1")
  # A Go that is too old for a go.mod fetches a newer one by itself, unless it is told not to.
  (cd "$modules" && go list -m) &>/dev/null || { echo "Go $(sed -n 's/^go //p' "$modules/go.mod") or later" && return; }
  (
    export "${variables[@]}"
    command -v "$CC" >/dev/null || { echo "The C compiler $CC" && exit; }
    [[ -f $("$CC" --print-file-name=libc.a) ]] || { echo 'The C library libc.a' && exit; }
    { command -v pkg-config >/dev/null && [[ -f $(pkg-config --variable=libdir libseccomp)/libseccomp.a ]]; } ||
      echo 'libseccomp.a with pkg-config'
  ) 2>/dev/null
}

if [[ ${1-} == --modules ]]; then
  echo "$modules"
  exit
elif [[ $# -gt 0 ]]; then
  [[ $# -ge 2 && $2 =~ ^(amd64|arm64)$ ]] || { sed -n '4,7s/^# \?//p' "${BASH_SOURCE[0]}" >&2 && exit 64; }
  out=$(realpath "$1")
  for arch in "${@:2}"; do
    work=$(mktemp -d)
    build "$arch" "$work"
    mv "$work"/*.tar.gz "$out"
    rm -r "$work"
  done
  exit
fi

case $(uname -m) in
  x86_64) arch=amd64 ;;
  aarch64) arch=arm64 ;;
  *) echo "Buildah is built for x86_64 and aarch64, and this is $(uname -m)" && exit 69 ;;
esac
# Made anew by other modules or another script.
built=buildah-static-$(cat "$modules/go.sum" "${BASH_SOURCE[0]}" | sha256sum | cut -c 1-16)
if [[ ! -d $kept/$built ]]; then
  missing=$(lacking "$arch")
  [[ -z $missing ]] || { echo "$missing is not here, with which a static Buildah is built" && exit 69; }
fi
keep "$built" build "$arch"
echo "$kept/$built"
