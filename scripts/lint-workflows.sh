#!/usr/bin/env bash
# Checks the workflows, those of the examples and action.yml with actionlint and zizmor.
#
#   bash scripts/lint-workflows.sh
#
# Both come in the versions that scripts/workflow-lint/ pins by checksum (actionlint from its Go module, zizmor from its
# wheel), and stay in the tests' cache. Where Go or pip is missing, this says so and goes on without. The shell scripts in
# the workflows are looked at, too, where shellcheck is on PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/kept.sh
shopt -s nullglob

pins=$PWD/scripts/workflow-lint
# With other versions they are fetched anew.
actionlint=actionlint-$(sha256sum <"$pins/go.sum" | cut -c 1-16)
zizmor=zizmor-$(sha256sum <"$pins/requirements.txt" | cut -c 1-16)
workflows=(.github/workflows/*.yml examples/*/.github/workflows/*.yml)
actions=(action.yml .github/actions/*/action.yml)

build_actionlint() {
  (cd "$pins" && CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false -o "$1/actionlint" \
    github.com/rhysd/actionlint/cmd/actionlint)
}

fetch_zizmor() {
  PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
    --requirement "$pins/requirements.txt" --target "$1"
}

# A Go that is too old for the go.mod fetches a newer one by itself, unless it is told not to.
if command -v go >/dev/null && (cd "$pins" && go list -m) >/dev/null 2>&1; then
  keep "$actionlint" build_actionlint
  "$kept/$actionlint/actionlint" -config-file .github/actionlint.yaml "${workflows[@]}"
  echo "actionlint has nothing to say of ${#workflows[@]} workflows."
else
  echo 'Go 1.25 or later is not here: the workflows are not checked by actionlint.'
fi

if python3 -m pip --version >/dev/null 2>&1; then
  keep "$zizmor" fetch_zizmor
  "$kept/$zizmor/bin/zizmor" --quiet --offline --strict-collection --persona=auditor --config .github/zizmor.yml \
    .github/dependabot.yml "${workflows[@]}" "${actions[@]}"
else
  echo 'Python with pip is not here: the workflows are not checked by zizmor.'
fi
