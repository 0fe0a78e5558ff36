import { boolean, choice, type InputReader, refuse } from './input-parsers.js'
import { input, partOf } from './input-spec.js'

/** How layers are compressed that are pushed or written into an archive. */
export interface Compression {
  readonly format: 'gzip' | 'zstd' | 'zstd:chunked'
  /** Undefined for the engine's own. */
  readonly level: number | undefined
  /** Whether layers are compressed anew that are there in another format. */
  readonly force: boolean
}

const MAX_LEVEL = { gzip: 9, zstd: 20, 'zstd:chunked': 20 } as const

export const COMPRESSION_INPUTS = {
  compression: input('compression', compression, {
    affects: 'image',
    counts: (asked) => (asked === undefined ? [] : [asked.format, String(asked.level), String(asked.force)]),
    // Before, what the registry has already stays as it is, without a word.
    buildah: { since: '1.32.0', asks: (asked) => asked !== undefined },
    docker: {
      refusedBy: ['buildx-docker'],
      asks: (asked) => asked !== undefined,
      example: 'zstd',
      why: 'compresses layers only as its daemon does',
      hint: 'Write `engine: buildah`, or set up Docker Buildx with its own builder in an earlier step (docker/setup-buildx-action).',
    },
  }),
  'compression-level': partOf('compression', { affects: 'image', countsAs: 'compression' }),
  'force-compression': partOf('compression', { affects: 'image', countsAs: 'compression' }),
}

/** Undefined where it comes to what each engine does by itself. */
function compression(read: InputReader): Compression | undefined {
  const format = choice(read, 'compression', ['gzip', 'zstd', 'zstd:chunked'])
  const level = read('compression-level').trim()
  const force = boolean(read, 'force-compression', false)
  if (format === 'gzip' && level === '' && !force) return undefined
  return { format, level: level === '' ? undefined : levelOf(level, format), force }
}

function levelOf(text: string, format: Compression['format']): number {
  const most = MAX_LEVEL[format]
  if (/^\d{1,2}$/.test(text) && Number(text) >= 1 && Number(text) <= most) return Number(text)
  throw refuse('compression-level', text, `Write a number from 1 to ${most} for ${format}; more is smaller and slower.`)
}
