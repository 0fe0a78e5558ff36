import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { formatPlatform } from '../../lib/platform.js'
import type { Leg } from './distribute.js'
import type { Wanted } from '../engine.js'

/**
 * What is the same on every leg, as they are written: what a rule or a context comes to may depend on the time, and nobody
 * else could meet those who have another key.
 */
export async function joinKeyOf({ inputs, source }: Wanted, { all }: Leg, commit: string): Promise<string> {
  const { images, tags, flavor, context, target, buildArgs, buildContexts } = inputs
  const dockerfile = createHash('sha256')
    .update(await readFile(source.file))
    .digest('hex')
  const same = [all.map(formatPlatform), images, tags, flavor, context, dockerfile, target ?? '', commit]
  const given = [...buildArgs, ...buildContexts].map(({ name, value }) => [name, value ?? ''])
  return createHash('sha256')
    .update(JSON.stringify([same, given]))
    .digest('hex')
    .slice(0, 16)
}
