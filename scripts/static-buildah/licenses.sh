#!/usr/bin/env bash
# Prints the licences of everything that is linked into the static Buildah: its Go modules, Go itself, and the C
# libraries, whose texts Debian keeps with their packages.
#
#   bash scripts/static-buildah/licenses.sh TAGS PACKAGE     # in the folder of go.mod
set -euo pipefail

heading() {
  printf '\n%s\n%s\n\n' "$1" "$(printf '%0.s=' {1..80})"
}

cat <<'END'
This program is Buildah, linked with the Go modules and C libraries below, each under its own licence.

glibc and libseccomp are under the LGPL 2.1, libgcc under the GPL 3 with its runtime library exception. To link the
program with other versions of them, run scripts/static-buildah.sh of the repository that has released it: it builds the
program from its sources, which the Go module proxy has, with the C libraries that are installed. The sources of the C
libraries are Debian's source packages of the versions that scripts/static-buildah/packages.txt names.
END

heading "Go, $(go env GOVERSION)"
cat "$(go env GOROOT)/LICENSE"

go list -mod=readonly -tags "$1" -deps -f '{{with .Module}}{{.Path}} {{.Version}} {{.Dir}}{{end}}' "$2" |
  LC_ALL=C sort --unique | while read -r path version folder; do
  heading "$path $version"
  find "$folder" -maxdepth 1 -type f -iregex '.*/\(licen[cs]e\|copying\|notice\|copyright\)[^/]*' \
    ! -name '*.go' ! -name '*.docs' -print0 | LC_ALL=C sort --zero-terminated | xargs --null --no-run-if-empty cat
done

for library in libc6-dev libseccomp-dev libgcc-12-dev; do
  heading "$library"
  cat "/usr/share/doc/$library/copyright" 2>/dev/null || echo 'See the package of the distribution.'
done
