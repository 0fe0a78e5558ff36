#!/usr/bin/env bash
# Builds a program for the tests from its Go module.
#
#   bash scripts/from-go.sh NAME VERSION
#
# The modules are those of scripts/go/NAME/VERSION/go.sum and no others: a further version is a further folder there.
# What is built is kept (kept.sh), so that a second run is instant. Prints the folder of it, with the program in bin/NAME; with
# buildah-VERSION-linux-ARCH.tar.gz as well for Buildah, the same as an archive for a `buildah-manifest`.
#
# Needs the Go that go.mod asks for, and for Buildah a C compiler, since it enters its user namespace in C. Where one is
# missing, prints that instead and ends with 69 (EX_UNAVAILABLE).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/kept.sh"

if [[ $# -ne 2 || ! -f $(dirname "${BASH_SOURCE[0]}")/go/$1/$2/go.mod ]]; then
  echo "Usage: bash scripts/from-go.sh NAME VERSION, with a folder of scripts/go/" >&2
  exit 64
fi
tool=$1 version=$2
modules=$(cd "$(dirname "${BASH_SOURCE[0]}")/go/$tool/$version" && pwd)
# With other modules it is built anew.
built=$tool-$version-$(sha256sum <"$modules/go.sum" | cut -c 1-16)

cgo=0
flags=(-mod=readonly -trimpath -buildvcs=false)
link='-s -w'
case $tool in
  # The excluded drivers would need C libraries with headers; `openpgp` is Go's own instead of gpgme.
  buildah) cgo=1 flags+=(-tags 'containers_image_openpgp exclude_graphdriver_btrfs exclude_graphdriver_devicemapper') ;;
  act) link+=" -X main.version=$version" ;;
  # Without it they would call themselves 0.0.0+unknown.
  buildx) link+=" -X github.com/docker/buildx/version.Version=v$version" built+=-named ;;
  buildkitd) link+=" -X github.com/moby/buildkit/version.Version=v$version" built+=-named ;;
esac

# missing WHAT: ends the script.
missing() {
  echo "$1 is not here, with which $tool $version is built"
  exit 69
}

build() {
  local folder=$1 package
  package=$(sed -n 's/^tool //p' "$modules/go.mod")
  echo "Building $tool $version with $(go env GOVERSION): one to four minutes on two cores"
  mkdir "$folder/bin"
  # To optimize SQLite takes longer than all else, and tests keep next to nothing in it.
  (cd "$modules" && CGO_ENABLED=$cgo CGO_CFLAGS=-O0 go build "${flags[@]}" -ldflags="$link" -o "$folder/bin/$tool" "$package")
  chmod 0755 "$folder/bin" "$folder/bin/$tool"
  [[ $tool != buildah ]] || tar --create --gzip --file "$folder/buildah-$version-linux-$(go env GOARCH).tar.gz" \
    --directory "$folder" --owner=0 --group=0 bin/buildah
}

if [[ ! -d $kept/$built ]]; then
  # A Go that is too old for a go.mod fetches a newer one by itself, unless it is told not to.
  (cd "$modules" && go list -m) &>/dev/null || missing "Go $(sed -n 's/^go //p' "$modules/go.mod") or later"
  [[ $cgo -eq 0 ]] || command -v "$(go env CC)" >/dev/null || missing 'A C compiler'
fi
keep "$built" build
echo "$kept/$built"
