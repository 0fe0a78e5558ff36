#!/usr/bin/env bash
# Builds a current Buildah for the end-to-end tests, which run the action on two versions: the system's and this one.
#
#   bash scripts/buildah-from-go.sh [OUTDIR]
#
# Needs Go 1.24 or later and a C compiler (Buildah enters its user namespace in C). The modules are those of
# scripts/buildah/go.sum and no others. The result is kept in the cache, so that a second run is instant:
#   bin/buildah                             the program
#   buildah-1.43.2-linux-<arch>.tar.gz      the same as an archive, for a `buildah-manifest`
# The path of the program is the only thing printed on standard output. With OUTDIR, both are copied there.
set -euo pipefail

version=1.43.2
arch=$(go env GOARCH)
modules=$(cd "$(dirname "${BASH_SOURCE[0]}")/buildah" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rootless-image-build-tests/buildah-$version
archive=$cache/buildah-$version-linux-$arch.tar.gz

if [[ ! -x $cache/bin/buildah || ! -s $archive ]]; then
  echo "Building Buildah $version with $(go version | cut -d' ' -f3): one to two minutes on two cores" >&2
  mkdir -p "$cache/bin"
  # Written beside their names and moved there when they are whole: an interrupted run leaves nothing that looks done.
  partial=$(mktemp -d "$cache/partial.XXXXXX")
  trap 'rm -rf "$partial"' EXIT
  mkdir "$partial/bin"
  # The excluded drivers would need C libraries with headers; `openpgp` is Go's own instead of gpgme.
  tags='containers_image_openpgp exclude_graphdriver_btrfs exclude_graphdriver_devicemapper'
  (cd "$modules" && CGO_ENABLED=1 go build -mod=readonly -trimpath -buildvcs=false -ldflags='-s -w' -tags "$tags" \
    -o "$partial/bin/buildah" github.com/containers/buildah/cmd/buildah) >&2
  chmod 0755 "$partial/bin" "$partial/bin/buildah"
  tar --create --gzip --file "$partial/archive" --directory "$partial" --owner=0 --group=0 bin/buildah
  mv "$partial/bin/buildah" "$cache/bin/buildah"
  mv "$partial/archive" "$archive"
fi

if [[ $# -gt 0 ]]; then
  mkdir -p "$1/bin"
  cp "$cache/bin/buildah" "$1/bin/buildah"
  cp "$archive" "$1/"
  echo "$1/bin/buildah"
else
  echo "$cache/bin/buildah"
fi
