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

/** The only one of these names that one typing error leads to: a letter too many, too few, wrong, or two swapped. Pure. */
export function oneTypoFrom(wanted: string, names: readonly string[]): string | undefined {
  const typed = wanted.toLowerCase()
  // Of two letters, one is half of it: `cd` isn't CMD.
  const [only, ...more] = typed.length < 3 ? [] : names.filter((name) => isOneTypo(typed, name.toLowerCase()))
  return more.length === 0 ? only : undefined
}

function isOneTypo(typed: string, name: string): boolean {
  const [long, short] = typed.length < name.length ? [name, typed] : [typed, name]
  let at = 0
  while (at < short.length && long[at] === short[at]) at += 1
  const rest = long.slice(at + 1)
  if (long.length > short.length) return rest === short.slice(at)
  if (rest === short.slice(at + 1)) return true
  return long[at] === short[at + 1] && long[at + 1] === short[at] && rest.slice(1) === short.slice(at + 2)
}
