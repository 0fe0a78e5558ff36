import { registerCommands } from '../emulation/binfmt.js'

/**
 * Runs as root of a user namespace, as the first process of a PID namespace, and gives its mount namespace a root of its
 * own. `$1` is an empty folder; `$2` and `$3` are folders and files to make in there, `$4` those of the folders that
 * everybody may write to, `$5` symbolic links of the machine to copy, one a line each; `$6` is a table of mounts in the
 * form of fstab(5); `$7` are lines that register emulators, mostly none. Prints its process ID, as the outer PID namespace has it, and `new` or `old` for /proc. Then it waits
 * until standard input ends, and everything in the namespace ends with it.
 */
export const SCRIPT = `set -eu
# Debian's accounts have no folder with pivot_root(8) in theirs.
PATH=$PATH:/usr/sbin:/sbin
# The /proc of the outer namespace still tells the outer ID.
read -r pid rest </proc/self/stat
# Orphans of a build become children of this process; ignored, they leave no zombies.
trap '' CHLD
umask 022
IFS='
'
set -f
mount --make-rprivate /
mount -t tmpfs -o mode=0755 sandbox "$1"
cd "$1"
mkdir -p -- .old $2
touch -- .mounts $3
chmod 1777 -- $4
for link in $5; do cp -P -- "$link" ".$link"; done
# Where it is a device, it belongs to the terminals of the machine.
ln -s -f pts/ptmx dev/ptmx
printf '%s' "$6" >.mounts
mount -a -T "$1/.mounts"
rm .mounts
if [ -n "$7" ]; then
  mkdir .binfmt
  ${registerCommands('.binfmt', '$7')}
fi
# Where parts of /proc are covered, as in Docker's containers, the kernel allows no new one.
proc=new
if ! mount -t proc -o nosuid,nodev,noexec proc "$1/proc" 2>/dev/null; then
  mount --rbind /proc "$1/proc"
  proc=old
fi
pivot_root . .old
cd /
umount -l .old
rmdir .old
mount -o remount,bind,ro /
printf '%s %s\\n' "$pid" "$proc"
# Not this shell: its arguments would tell every step which paths of the machine there are.
exec cat >/dev/null
`
