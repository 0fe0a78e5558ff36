#!/usr/bin/env bash
# Builds nektos/act for the end-to-end tests, which run the examples by it.
#
#   bash scripts/act-from-go.sh
#
# Needs Go 1.25 or later. The modules are those of scripts/act/go.sum and no others. The program is kept in the cache, so
# that a second run is instant; its path is the only thing printed on standard output.
set -euo pipefail

version=0.2.89
modules=$(cd "$(dirname "${BASH_SOURCE[0]}")/act" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rootless-image-build-tests/act-$version

if [[ ! -x $cache/bin/act ]]; then
  echo "Building act $version with $(go version | cut -d' ' -f3): one to two minutes on two cores" >&2
  mkdir -p "$cache/bin"
  # Written beside its name and moved there when it is whole: an interrupted run leaves nothing that looks done.
  partial=$(mktemp -d "$cache/partial.XXXXXX")
  trap 'rm -rf "$partial"' EXIT
  (cd "$modules" && CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false \
    -ldflags="-s -w -X main.version=$version" -o "$partial/act" github.com/nektos/act) >&2
  chmod 0755 "$partial/act"
  mv "$partial/act" "$cache/bin/act"
fi

echo "$cache/bin/act"
