#!/usr/bin/env bash
# Makes the machine look like one of GitHub's Ubuntu images, for a command and all that it starts.
#
#   bash scripts/hosted/lookalike.sh IMAGE COMMAND…      as root; IMAGE is ubuntu-22.04, ubuntu-24.04, ubuntu-26.04 or ubuntu-slim
#
# Or for `source`: `look_like IMAGE FOLDER` does it in the mount namespace that it is called in, where FOLDER is an empty folder
# and /etc may be written to.
#
# What is like on GitHub: the version of Buildah at /usr/bin/buildah (built by Go, scripts/from-go.sh), registries.conf with two
# search registries, containers.conf.d, the account `runner` with subordinate ids and passwordless sudo, no fuse-overlayfs, cgroup
# v2 alone, /dev/fuse and /dev/net/tun open to everybody. What isn't: the kernel and with it AppArmor, the versions of crun, runc,
# Docker and Node, which are the machine's.
set -euo pipefail

# The Buildah of each image, and programs that it hasn't.
declare -A buildah_of=([ubuntu-22.04]=1.23.1 [ubuntu-24.04]=1.33.7 [ubuntu-26.04]=1.42.1 [ubuntu-slim]=none)
declare -A missing_in=(
  [ubuntu-22.04]='fuse-overlayfs netavark'
  [ubuntu-24.04]='fuse-overlayfs'
  [ubuntu-26.04]='fuse-overlayfs'
  [ubuntu-slim]='fuse-overlayfs netavark buildah crun newuidmap newgidmap'
)

look_like() {
  local image=$1 folder=$2
  if [[ -z ${buildah_of[$image]-} ]]; then
    echo "RUNNER_IMAGE: got \"$image\"; write one of: ${!buildah_of[*]}" >&2
    return 64
  fi
  replace_buildah "${buildah_of[$image]}" "$folder"
  hide_programs "${missing_in[$image]}"
  configure_containers
  add_runner "$folder"
  isolate_like_hosted "$folder"
}

# The machine's own Buildah stays, for tests of other versions: its path is in MACHINE_BUILDAH.
replace_buildah() {
  local version=$1 folder=$2 built
  [[ $version != none && -x /usr/bin/buildah ]] || return 0
  built=$(bash "${BASH_SOURCE[0]%/*}/../from-go.sh" buildah "$version") || {
    echo "$built" >&2
    return 69
  }
  cp /usr/bin/buildah "$folder/machine-buildah"
  cp "$built/bin/buildah" "$folder/buildah"
  chmod 0755 "$folder/machine-buildah" "$folder/buildah"
  mount --bind "$folder/buildah" /usr/bin/buildah
  export MACHINE_BUILDAH=$folder/machine-buildah
}

hide_programs() {
  local name place
  for name in $1; do
    for place in /usr{,/local}/{bin,sbin,lib/podman,libexec/podman}; do
      [[ ! -e $place/$name ]] || mount --bind /dev/null "$place/$name"
    done
  done
}

# As actions/runner-images writes them (install-container-tools.sh).
configure_containers() {
  mkdir -p /etc/containers/containers.conf.d
  echo 'unqualified-search-registries = ["docker.io", "quay.io"]' >/etc/containers/registries.conf
  printf '[network]\nfirewall_driver = "iptables"\n' >/etc/containers/containers.conf.d/99-fix-firewall.conf
}

add_runner() {
  id runner &>/dev/null || useradd --create-home --base-dir "$1" --user-group --shell /bin/bash runner
  mkdir -p /etc/sudoers.d
  echo 'runner ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/runner
  chmod 0440 /etc/sudoers.d/runner
}

isolate_like_hosted() {
  local devices=$1/devices
  umount --recursive /sys/fs/cgroup 2>/dev/null || umount --lazy /sys/fs/cgroup
  mount -t cgroup2 none /sys/fs/cgroup
  mkdir "$devices"
  mount -t tmpfs -o mode=0755 tmpfs "$devices"
  open_device "$devices/fuse" 229 /dev/fuse
  open_device "$devices/tun" 200 /dev/net/tun
}

# open_device NODE MINOR PATH: character devices of major number 10.
open_device() {
  [[ -e $3 ]] || return 0
  mknod -m 666 "$1" c 10 "$2"
  chmod 666 "$1"
  mount --bind "$1" "$3"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  if [[ ${1-} == --in ]]; then
    image=$2 folder=$3
    shift 3
    mkdir "$folder"/{etc,work}
    mount -t overlay -o "lowerdir=/etc,upperdir=$folder/etc,workdir=$folder/work" overlay /etc
    mkdir "$folder/files"
    look_like "$image" "$folder/files"
    exec "$@"
  fi
  if [[ $# -lt 2 || $(id -u) -ne 0 ]]; then
    echo 'Usage, as root: bash scripts/hosted/lookalike.sh IMAGE COMMAND…' >&2
    exit 64
  fi
  image=$1
  shift
  folder=$(mktemp --directory)
  chmod 0755 "$folder"
  trap 'rm -rf --one-file-system "$folder"' EXIT
  unshare --mount --propagation private bash "${BASH_SOURCE[0]}" --in "$image" "$folder" "$@"
fi
