#!/usr/bin/env bash
# Runs Jest with these arguments.
#
# As root it runs in a mount namespace of its own, and leaves nothing on the machine: /etc is covered by an overlay, in
# which the tests, and the action in them, make their accounts. All of their files are in memory, where there is enough
# of it: Buildah syncs every step to the disk, and a build in memory takes half as long. With RUNNER_IMAGE=ubuntu-24.04 (or another of
# scripts/hosted/lookalike.sh) in the environment the machine looks like that image of GitHub's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

jest=(node --experimental-vm-modules node_modules/jest/bin/jest.js)

# Whether 6 GiB are free, and tmpfs can have what an overlay of a user writes into it: attributes, since Linux 6.6.
has_memory() {
  [[ $(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo) -ge $((6 * 1024 * 1024)) ]] &&
    printf '6.6\n%s\n' "$(uname -r)" | sort --version-sort --check=quiet
}

# furnish FOLDER: makes the mount namespace that this runs in what the head of this file says.
furnish() {
  if has_memory; then mount -t tmpfs -o mode=0755,size=70% tmpfs "$1"; fi
  mkdir "$1"/{etc,work,homes}
  mkdir --mode=1777 "$1/tmp"
  mount -t overlay -o "lowerdir=/etc,upperdir=$1/etc,workdir=$1/work" overlay /etc
  # Where useradd makes them.
  sed --in-place '/^HOME=/d' /etc/default/useradd
  echo "HOME=$1/homes" >>/etc/default/useradd
  if [[ -n ${RUNNER_IMAGE-} ]]; then
    source scripts/hosted/lookalike.sh
    mkdir "$1/hosted"
    look_like "$RUNNER_IMAGE" "$1/hosted"
  fi
  export TMPDIR=$1/tmp
}

if [[ ${1-} == --in ]]; then
  furnish "$2"
  shift 2
elif [[ $(id -u) -eq 0 ]] && unshare --mount true 2>/dev/null; then # In a container, root may have no right to that.
  place=$(mktemp --directory --tmpdir rib-run-XXXXXX)
  chmod 0755 "$place"
  # No child of Jest, whose tests look for what they have left.
  ({ tail --pid=$$ --follow /dev/null; rm -rf --one-file-system "$place"; } </dev/null &>/dev/null &)
  exec unshare --mount --propagation private bash "${BASH_SOURCE[0]}" --in "$place" "$@"
fi
exec "${jest[@]}" "$@"
