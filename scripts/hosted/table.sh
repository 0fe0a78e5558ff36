#!/usr/bin/env bash
# Writes the table of one image into the summary of the job, and, where a promise was not kept, what to send us. Fails then.
# IMAGE names the image; STEPS is the context `steps` of the job, as JSON.
set -euo pipefail

failed=0

# row <promise> <how the step ended> <whether it did what it should: true or false> <what it said>
row() {
  local mark='✅'
  if [[ $2 != success || $3 != true ]]; then
    mark='❌'
    failed=1
  fi
  printf '| %s | %s | %s |\n' "$1" "$mark" "$4"
}

of() { jq --raw-output --arg id "$1" --arg name "$2" '.[$id].outputs[$name] // ""' <<< "$STEPS"; }
end() { jq --raw-output --arg id "$1" '.[$id].outcome // "skipped"' <<< "$STEPS"; }
same() { [[ $1 == "$2" ]] && echo true || echo false; }
engine() { printf '%s %s' "$(of "$1" engine)" "$(of "$1" engine-version)"; }

table=$(mktemp)
{
  printf '### %s\n\n| Promise | | |\n| --- | --- | --- |\n' "$IMAGE"
  row 'builds without root, in the sandbox' "$(end cold)" "$(of cold rootless)" "$(engine cold)"
  row 'an unchanged image is not built' "$(end unchanged)" "$(same "$(of unchanged built)" false)" "built: $(of unchanged built)"
  row 'layers come back after a change' "$(end warm)" "$(same "$(of warm cache-hit)" partial)" "cache-hit: $(of warm cache-hit)"
  row 'a recent Dockerfile is built by a Buildah that knows it' "$(end recent)" "$(of recent rootless)" "$(engine recent)"
  row 'the Buildah of the action builds' "$(end bundled)" "$(of bundled rootless)" "$(engine bundled)"
  row 'Docker builds' "$(end docker)" "$(same "$(of docker engine)" docker)" "$(engine docker)"
  row 'root builds without root' "$(end root)" true ''
} > "$table"
cat "$table" >> "$GITHUB_STEP_SUMMARY"
cat "$table"
[[ $failed == 1 ]] || exit 0

{
  printf '\nPlease open an issue with this, and with the log of the step that failed:\n\n```\n'
  uname --kernel-release
  grep PRETTY_NAME /etc/os-release
  printf 'image %s\n' "${ImageVersion:-unknown}"
  for program in buildah crun runc docker; do "$program" --version 2>&1 | head -1 || true; done
  for name in apparmor_restrict_unprivileged_userns unprivileged_userns_clone; do
    printf '%s: %s\n' "$name" "$(cat "/proc/sys/kernel/$name" 2>/dev/null || echo 'none')"
  done
  stat --file-system --format='cgroup: %T' /sys/fs/cgroup
  grep "^$(id --user --name):" /etc/subuid /etc/subgid || true
  printf '```\n'
} | tee --append "$GITHUB_STEP_SUMMARY"
exit 1
