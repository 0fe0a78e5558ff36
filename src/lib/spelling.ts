/** The one of these names that differs only in case, in `-` or `_`, or in a plural: `build_arg` is `build-args`. Pure. */
export function sameButSpelling(wanted: string, names: readonly string[]): string | undefined {
  return names.find((name) => plain(name) === plain(wanted))
}

function plain(name: string): string {
  return name
    .toLowerCase()
    .replaceAll('_', '-')
    .replaceAll(/(?<=[a-z0-9]{2})s(?![a-z0-9])/g, '')
}
