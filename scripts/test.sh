#!/usr/bin/env bash
# Installs what the tests need, and runs the checks and the ordinary set of tests: types, lint, format, dist, workflows, unit
# and end to end. The last line is `N passed, N failed, N skipped`.
#
#   bash scripts/test.sh [ARGUMENT…]
#
# Arguments are Jest's: `--shard=1/4`. With TEST_SET=exhaustive in the environment it is the exhaustive set.
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

# What the tests would build or fetch when they come to it, one after the other. It is started early, behind all else; a
# test that needs it waits for it, and where it fails, makes it once more and says why it can't.
start_builds() {
  # Process groups of their own, which end with this script.
  set -m
  (
    # Most files wait for the first, and one for the last.
    for program in 'buildah 1.33.7' 'buildkitd 0.34.2' 'buildx 0.38.2' 'act 0.2.89'; do
      # shellcheck disable=SC2086 # a name and a version
      nice -n 19 bash scripts/from-go.sh $program || true
    done
    nice -n 19 bash scripts/static-buildah.sh || true
  ) &>/dev/null &
  nice -n 19 bash scripts/nodes-from-npm.sh &>/dev/null &
  set +m
  trap 'for build in $(jobs -p); do kill -- "-$build" 2>/dev/null || true; done' EXIT
}

# Installs the packages of package-lock.json, unless those that are there were made of it by this Node.
install_modules() {
  local wanted
  wanted=$(cat package.json package-lock.json <(node --version) | sha256sum)
  [[ $(cat node_modules/.installed 2>/dev/null) != "$wanted" ]] || return 0
  npm ci --no-audit --no-fund
  echo "$wanted" >node_modules/.installed
}

# The checks, of which most keep one processor busy: the second half of them goes beside the first, and says what it has
# to say after it.
run_checks() {
  local log second failed=0
  log=$(mktemp)
  { npm run check:format && npm run check:dist && bash scripts/lint-workflows.sh; } &>"$log" &
  second=$!
  npm run check:code || failed=$?
  wait "$second" || failed=$?
  cat "$log"
  rm "$log"
  return "$failed"
}

if ! node --eval 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)'; then
  echo 'Node 20 or later is needed on PATH.' >&2
  exit 1
fi
command -v go >/dev/null && packages+=(gcc libc6-dev libseccomp-dev pkg-config)
install_packages
start_builds
install_modules
run_checks
# Not by npm, whose own words would follow on the line with the counts.
bash scripts/jest.sh "$@" </dev/null
