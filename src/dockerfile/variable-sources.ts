import type { Dockerfile, Stage } from './dockerfile.js'

const VARIABLE = /\$\{[^${}]*\}|\$\w+/

/**
 * Indices of the stages that COPY or ADD may mean by a `--from` with a variable. Buildah doesn't know before it is there
 * that the stage is needed: one that is taken from the cache as a whole has no files for it. Pure.
 */
export function copiedByVariable({ stages }: Dockerfile): Set<number> {
  const found = new Set<number>()
  for (const [index, stage] of stages.entries()) {
    for (const from of sourcesOf(stage)) {
      const isMeant = meaning(from)
      for (const [place, { name }] of stages.slice(0, index).entries())
        if (isMeant(String(place)) || (name !== undefined && isMeant(name))) found.add(place)
    }
  }
  return found
}

function sourcesOf({ instructions }: Stage): string[] {
  const copies = instructions.filter(({ keyword }) => keyword === 'COPY' || keyword === 'ADD')
  const values = copies.flatMap(({ flags }) => flags.filter(({ name }) => name === 'from').map(({ value }) => value))
  return values.filter((value) => value.includes('$'))
}

/** Whether a name may be what a text with variables comes to. */
function meaning(text: string): (name: string) => boolean {
  const parts = text.split(VARIABLE)
  // What is within another one's braces, quoted or escaped may be anything.
  if (/[${}"'\\]/.test(parts.join(''))) return () => true
  const escaped = parts.map((part) => part.replace(/[.*+?^()|[\]]/g, '\\$&'))
  const pattern = new RegExp(`^${escaped.join('.*')}$`, 'i')
  return (name) => pattern.test(name)
}
