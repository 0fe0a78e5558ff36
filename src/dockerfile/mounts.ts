import type { Instruction } from './dockerfile.js'

/** A mount of RUN, variables as they are written. */
export interface Mount<From = string> {
  readonly text: string
  /** Undefined where none is written, which is bind. */
  readonly type: string | undefined
  /** Undefined for the context. */
  readonly from: From | undefined
  /** `.` where none is written. */
  readonly source: string
  /** Whether it has neither quotes nor variables but in paths, which only the engine can read. */
  readonly isReadable: boolean
}

/** Mounts that bring nothing in which a step of the same text should be built again for. */
export const EMPTY_MOUNTS: ReadonlySet<string> = new Set(['secret', 'ssh', 'tmpfs'])

/** The mounts of a RUN, none for any other instruction; pure. */
export function readMounts({ keyword, flags }: Instruction): Mount[] {
  const texts = flags.flatMap(({ name, value }) => (keyword === 'RUN' && name === 'mount' ? [value] : []))
  return texts.map((text) => {
    const options = mountOptions(text)
    const [type, from] = ['type', 'from'].map((name) => options.get(name))
    const isReadable = !/["']/.test(text) && ![type, from, ...options.keys()].some((part) => part?.includes('$'))
    return { text, type, from: from === '' ? undefined : from, source: options.get('source') ?? '.', isReadable }
  })
}

/** The options of a mount by their names in lower case; `src` is `source`. Pure. */
export function mountOptions(text: string): Map<string, string> {
  return new Map(
    text.split(',').map((option) => {
      const [name = '', value = ''] = option.split(/=(.*)/s)
      const plain = name.toLowerCase()
      return [plain === 'src' ? 'source' : plain, value]
    }),
  )
}

/** Where a mount is, as it is written: `/root/.cache`, `$HOME/.cache`; '' where no target is written. Pure. */
export function mountTarget(text: string): string {
  const options = mountOptions(text)
  return options.get('target') ?? options.get('dst') ?? options.get('destination') ?? ''
}
