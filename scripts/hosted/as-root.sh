#!/usr/bin/env bash
# Runs the action as root, as a self-hosted runner may, and looks whether it builds without root all the same.
set -euo pipefail

# As for a user who became root otherwise than by sudo: the build makes an account of its own.
unset SUDO_UID SUDO_GID SUDO_USER
output=$(mktemp)
trap 'rm -f "$output"' EXIT
env GITHUB_OUTPUT="$output" INPUT_CONTEXT=.hosted/plain INPUT_ENGINE=buildah INPUT_CACHE=off \
  INPUT_ROOTLESS=require node dist/main/index.js
rootless=$(grep --after-context=1 '^rootless<<' "$output" | tail -1)
[[ $rootless == true ]] || { echo "The output rootless is \"$rootless\"." >&2; exit 1; }
