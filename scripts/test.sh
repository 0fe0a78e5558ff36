#!/usr/bin/env bash
# Installs what the tests need and runs them all: types, lint, format, workflows, unit and end to end.
#
#   bash scripts/test.sh
#
# For a Debian or Ubuntu machine with Node 20 or later, as root or as a user whose sudo asks for no password. Nothing is
# installed that is there already. The exit code is that of the first step that fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export DEBIAN_FRONTEND=noninteractive

packages=(
  buildah skopeo uidmap crun runc slirp4netns fuse-overlayfs netavark # what the action drives
  docker-registry apache2-utils                                       # a registry, and htpasswd for its login
  debootstrap busybox-static                                          # base images without a registry of images
  docker.io iptables                                                  # the engine to fall back to
  chromium                                                            # the summary is looked at in a browser
  util-linux git ca-certificates zstd openssl tar jq
)

# as_root COMMAND…: as it is for root, else by sudo.
as_root() {
  if [[ $(id -u) -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo -n --preserve-env=DEBIAN_FRONTEND "$@"
  else
    echo "Packages are missing, and sudo would ask for a password. As root: $*" >&2
    return 1
  fi
}

install_packages() {
  local missing=() wanted=() name
  for name in "${packages[@]}"; do
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || missing+=("$name")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  echo "Missing: ${missing[*]}"
  as_root apt-get update --quiet
  for name in "${missing[@]}"; do
    case $name in
      # Ubuntu 22.04 has no netavark, and a Buildah that does without.
      netavark) apt-cache show netavark &>/dev/null || continue ;;
      # Ubuntu's package only installs a snap; its machines at GitHub have a Chrome of their own.
      chromium) grep -q '^ID=debian$' /etc/os-release || continue ;;
    esac
    wanted+=("$name")
  done
  as_root apt-get install --yes --quiet --no-install-recommends "${wanted[@]}"
}

# has_go MINOR WHAT: whether Go 1.MINOR or later is here; else says which tests will be skipped.
has_go() {
  if ! command -v go >/dev/null; then
    echo "Go is not here: the end-to-end tests that need $2 will be skipped."
    return 1
  fi
  if ! [[ $(go env GOVERSION) =~ ^go1\.([0-9]+) ]] || ((BASH_REMATCH[1] < $1)); then
    echo "Go is $(go env GOVERSION), 1.$1 is needed: the end-to-end tests that need $2 will be skipped."
    return 1
  fi
}

build_with_go() {
  if has_go 24 'a current Buildah'; then echo "A current Buildah for the tests: $(bash scripts/buildah-from-go.sh)"; fi
  if has_go 25 'Docker Buildx'; then
    echo "Docker Buildx for the tests: $(node scripts/buildkit-from-go.mjs | paste -sd ' ')"
  fi
  if has_go 25 'act'; then echo "act for the tests: $(bash scripts/act-from-go.sh)"; fi
}

# Node's own words, since jq may not be there: the counts as jest wrote them into its result.
print_counts() {
  node --eval '
    const result = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"))
    const skipped = result.numPendingTests + result.numTodoTests
    console.log(`${result.numPassedTests} passed, ${result.numFailedTests} failed, ${skipped} skipped`)
  ' "$1"
}

if ! node --eval 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)'; then
  echo 'Node 20 or later is needed on PATH.' >&2
  exit 1
fi
command -v go >/dev/null && packages+=(gcc libc6-dev)
install_packages
build_with_go
echo "Node 20, 22 and 24 for the tests: $(bash scripts/nodes-from-npm.sh)"
npm ci --no-audit --no-fund
npm run check
bash scripts/lint-workflows.sh

result=$(mktemp)
trap 'rm -f "$result"' EXIT
status=0
npm test -- --json --outputFile="$result" </dev/null || status=$?
# A jest that did not get as far as a result has no counts to print.
[[ ! -s $result ]] || print_counts "$result"
exit "$status"
