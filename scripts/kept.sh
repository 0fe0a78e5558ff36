# shellcheck shell=bash
# For other scripts to source. What the tests need and what takes long to make is made once, and kept from run to run in
# the folder $kept.

kept=${XDG_CACHE_HOME:-$HOME/.cache}/rootless-image-build-tests

# keep NAME COMMAND…: makes the folder $kept/NAME, unless it is there. The command gets an empty folder as its last
# argument, which becomes $kept/NAME when the command has succeeded: an interrupted one leaves nothing that looks done.
# Of several callers at once, one makes it and the others wait.
keep() {
  local name=$1 lock
  shift
  [[ ! -d $kept/$name ]] || return 0
  mkdir -p "$kept"
  exec {lock}>"$kept/$name.lock"
  flock "$lock"
  if [[ ! -d $kept/$name ]]; then
    unfinished=$(mktemp -d "$kept/$name.XXXXXX")
    trap 'rm -rf "$unfinished"' EXIT
    "$@" "$unfinished" >&2 {lock}>&-
    chmod 0755 "$unfinished"
    mv --no-target-directory "$unfinished" "$kept/$name"
  fi
  exec {lock}>&-
}
