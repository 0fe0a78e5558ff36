#!/usr/bin/env bash
# Fetches Node 20, 22 and 24 for the tests, which run dist/ on each.
#
#   bash scripts/nodes-from-npm.sh
#
# They come as npm packages, in the versions and with the checksums of scripts/nodes/package-lock.json, and are kept, so
# that a second run is instant. Prints their folder; the programs in it are node_modules/node-<major>-<arch>/bin/node.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/kept.sh"

wanted=$(cd "$(dirname "${BASH_SOURCE[0]}")/nodes" && pwd)
# With other versions they are fetched anew.
name=nodes-$(sha256sum <"$wanted/package-lock.json" | cut -c 1-16)

fetch() {
  cp "$wanted"/package*.json "$1/"
  (cd "$1" && npm ci --ignore-scripts --no-audit --no-fund)
}

keep "$name" fetch
echo "$kept/$name"
