import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { makeFolder } from './folders.js'

/**
 * A Buildah that is told more than it is asked.
 * @param argument of these commands, of letters, digits and `-=/` alone
 * @returns the folder that it is in, for PATH
 */
export function buildahWith(argument: string, commands: readonly string[] = ['build']): string {
  const path = makeFolder('buildah-with')
  chmodSync(path, 0o755)
  const program = `#!/bin/sh
count=$#
while [ "$count" -gt 0 ]; do
  word=$1
  shift
  set -- "$@" "$word"
  case $word in ${commands.join('|')}) set -- "$@" ${argument} ;; esac
  count=$((count - 1))
done
exec /usr/bin/buildah "$@"
`
  writeFileSync(join(path, 'buildah'), program)
  chmodSync(join(path, 'buildah'), 0o755)
  return path
}
