import type { Place, StageCase, WrittenCase } from './staleness-cases.js'
import type { Tree } from './staleness-tree.js'

/** A number below `limit`, the next of a series. */
export type Dice = (limit: number) => number

/** Numbers that look random, always the same for a seed (mulberry32). */
export function diceOf(seed: number): Dice {
  let state = seed >>> 0
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
}

/** What an instruction is written with. */
interface Slot {
  /** Number of the case and of the instruction. */
  readonly n: number
  readonly i: number
  /** The text that may differ between two builds. */
  readonly text: string
  /** Names that were declared before. */
  readonly named: readonly string[]
  readonly dice: Dice
}

interface Written {
  readonly line: string
  readonly name?: string
  readonly files?: Tree
}

const kinds: readonly ((slot: Slot) => Written)[] = [
  ({ n, i, text }) => ({ line: `ARG A_${n}_${i}=${text}`, name: `A_${n}_${i}` }),
  ({ n, i, text }) => ({ line: `ENV E_${n}_${i}=${text}`, name: `E_${n}_${i}` }),
  ({ n, i, text, named, dice }) => {
    return { line: `ENV E_${n}_${i}=${text}-$${named[dice(named.length)] ?? 'NONE'}`, name: `E_${n}_${i}` }
  },
  ({ n, i, text, named, dice }) => {
    return { line: `ARG A_${n}_${i}=${text}-\${${named[dice(named.length)] ?? 'NONE'}:-x}`, name: `A_${n}_${i}` }
  },
  ({ n, i, text, named, dice }) => {
    return { line: `WORKDIR /srv/${n}/${i}/${text}-$${named[dice(named.length)] ?? 'NONE'}` }
  },
  ({ n, i, text }) => ({ line: `RUN echo ${n} ${i} ${text} >> /tmp/log` }),
  ({ n, i }) => ({ line: `RUN : ${i}; env | grep _${n}_ | sort >> /tmp/log; true` }),
  ({ n, i, text }) => ({ line: `COPY c${n}/copied-${i} /tmp/`, files: { [`copied-${i}`]: text } }),
  ({ n, i, text }) => {
    const mount = `--mount=type=bind,source=c${n}/mounted-${i},target=/m`
    return { line: `RUN ${mount} cat /m/file >> /tmp/log`, files: { [`mounted-${i}/file`]: text } }
  },
]

/**
 * Cases of a few instructions each, one of which is another in the second variant, or sees another argument.
 * @param seed the same one gives the same cases
 */
export function randomCases(seed: number, count: number): StageCase[] {
  return Array.from({ length: count }, (_, number) => {
    return {
      name: `${seed}/${number}`,
      isConstant: 'maybe',
      write: (place: Place) => writeRandom(place, diceOf(seed * 1000 + number)),
    }
  })
}

function writeRandom({ v, n }: Place, dice: Dice): WrittenCase {
  const length = 3 + dice(3)
  const changed = dice(length + 1)
  const lines: string[] = []
  const named: string[] = []
  const files: Record<string, Tree[string]> = {}
  if (changed === length) {
    lines.push('ARG V')
    named.push('V')
  }
  for (let i = 0; i < length; i += 1) {
    const text = i === changed ? `t${v}` : `t${dice(1000)}`
    const written = kinds[dice(kinds.length)]?.({ n, i, text, named: [...named], dice })
    if (written === undefined) continue
    lines.push(written.line)
    if (written.name !== undefined) named.push(written.name)
    Object.assign(files, written.files)
  }
  const look = `env | grep _${n}_ | sort; pwd; cat /tmp/log /tmp/copied-* 2>/dev/null; true`
  return { lines, look, files }
}
