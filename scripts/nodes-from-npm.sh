#!/usr/bin/env bash
# Fetches Node 20, 22 and 24 for the end-to-end tests, which run dist/ on each.
#
#   bash scripts/nodes-from-npm.sh
#
# They come as npm packages, in the versions and with the checksums of scripts/nodes/package-lock.json, and are kept in
# the cache, so that a second run is instant. The path of their folder is the only thing printed on standard output; the
# programs in it are node_modules/node-<major>-<arch>/bin/node.
set -euo pipefail

wanted=$(cd "$(dirname "${BASH_SOURCE[0]}")/nodes" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rootless-image-build-tests/nodes

if ! cmp --silent "$wanted/package-lock.json" "$cache/package-lock.json"; then
  mkdir -p "$(dirname "$cache")"
  # Fetched beside its name and moved there when it is whole: an interrupted run leaves nothing that looks done.
  partial=$(mktemp -d "$cache.XXXXXX")
  trap 'rm -rf "$partial"' EXIT
  cp "$wanted"/package*.json "$partial/"
  (cd "$partial" && npm ci --ignore-scripts --no-audit --no-fund) >&2
  rm -rf "$cache"
  mv "$partial" "$cache"
fi
echo "$cache"
