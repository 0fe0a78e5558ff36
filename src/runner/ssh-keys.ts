import { type InputReader, list } from './input-parsers.js'

/** What `RUN --mount=type=ssh` gets under one id. */
export interface SshKeys {
  readonly id: string
  /** Sockets and keys, relative to the workspace or absolute; none for the agent of the step. */
  readonly paths: readonly string[]
}

/** Reads the input `ssh`: `id` or `id=path[,path]`, one per line or with commas between. */
export function sshKeys(read: InputReader, name: string): SshKeys[] {
  return joinKeys(list(read, name, { commas: true })).map((entry) => {
    const [id = '', paths = ''] = entry.split(/=(.*)/s)
    return { id, paths: paths.split(',').filter((path) => path !== '') }
  })
}

/** As the input and the engines have it: `id=path,path`. */
export function formatSshKeys({ id, paths }: SshKeys): string {
  return paths.length === 0 ? id : `${id}=${paths.join(',')}`
}

/** A path alone belongs to the entry before it: commas are between the paths of an entry, too. */
function joinKeys(entries: readonly string[]): string[] {
  const joined: string[] = []
  for (const entry of entries) {
    const before = joined.at(-1)
    if (before?.includes('=') === true && entry.includes('/') && !entry.includes('='))
      joined[joined.length - 1] = `${before},${entry}`
    else joined.push(entry)
  }
  return joined
}
