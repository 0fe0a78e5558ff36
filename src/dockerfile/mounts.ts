import gte from 'semver/functions/gte.js'
import type { Dockerfile, Instruction } from './dockerfile.js'

/** What tells whether Buildah compares the content of a mount. */
export interface MountView {
  /** Version of Buildah. */
  readonly buildah: string
  /** Names and numbers of the stages. */
  readonly stages: ReadonlySet<string>
  /** Names of further build contexts. */
  readonly contexts: ReadonlySet<string>
}

/**
 * What Buildah knows of the content of a mount when it looks for an earlier step:
 * `own`, it compares that itself; `digest`, it doesn't, and a digest of this path in the context must stand in;
 * `link`, it does, unless the path is a symbolic link: then it compares where the link points to and no more;
 * `unknown`, what it shows can't be told before the build.
 */
export type MountKnowledge =
  | { readonly kind: 'own' }
  | { readonly kind: 'digest' | 'link'; readonly source: string }
  | { readonly kind: 'unknown'; readonly why: string }

/** First version that compares what a `type=bind` mount shows of the context, an image or another context. */
const COMPARES_MOUNTS = '1.39.0'
/** First version that compares what it shows of a stage. */
const COMPARES_STAGES = '1.44.0'

/** Mounts that bring nothing in which a step of the same text should be built again for. */
export const EMPTY_MOUNTS: ReadonlySet<string> = new Set(['secret', 'ssh', 'tmpfs'])
const OWN: MountKnowledge = { kind: 'own' }

/** What is known of each mount of a RUN instruction that shows something; pure. */
export function mountsOf({ keyword, flags }: Instruction, view: MountView): MountKnowledge[] {
  if (keyword !== 'RUN') return []
  return flags.filter(({ name }) => name === 'mount').map(({ value }) => judge(value, view))
}

/** Paths in the context of which this Buildah needs a digest, since it doesn't look at the content itself; pure. */
export function contextMounts(dockerfile: Dockerfile, buildah: string): string[] {
  return sources(dockerfile, buildah, 'digest')
}

/** Paths in the context of which this Buildah needs a digest where they are symbolic links; pure. */
export function linkMounts(dockerfile: Dockerfile, buildah: string): string[] {
  return sources(dockerfile, buildah, 'link')
}

/**
 * What the mounts of RUN steps are from, in lower case. A Buildah before 1.33 shows nothing of a stage that it has taken
 * from the cache; pure.
 */
export function shownByMounts({ stages }: Dockerfile): Set<string> {
  const mounts = stages.flatMap(({ instructions }) =>
    instructions.flatMap(({ keyword, flags }) =>
      keyword === 'RUN' ? flags.filter(({ name }) => name === 'mount') : [],
    ),
  )
  const sources = mounts.map(({ value }) => mountOptions(value).get('from'))
  return new Set(sources.flatMap((from) => (from === undefined ? [] : [from.toLowerCase()])))
}

/** What mounts can name as stages; pure. */
export function stageNames({ stages }: Dockerfile): Set<string> {
  return new Set(stages.flatMap(({ name }, index) => (name === undefined ? [String(index)] : [String(index), name])))
}

function sources(dockerfile: Dockerfile, buildah: string, kind: 'digest' | 'link'): string[] {
  const view = { buildah, stages: stageNames(dockerfile), contexts: new Set<string>() }
  const mounts = dockerfile.stages.flatMap(({ instructions }) => instructions.flatMap((own) => mountsOf(own, view)))
  return [...new Set(mounts.flatMap((mount) => (mount.kind === kind ? [mount.source] : [])))]
}

function judge(text: string, { buildah, stages, contexts }: MountView): MountKnowledge {
  const options = mountOptions(text)
  const type = options.get('type')
  const from = options.get('from')
  const source = options.get('source') ?? '.'
  if (type !== undefined && EMPTY_MOUNTS.has(type)) return OWN
  if (type === 'cache' && from === undefined) return OWN
  const unknown = (why: string): MountKnowledge => ({ kind: 'unknown', why: `--mount=${text}: ${why}` })
  if (/["']/.test(text) || [type, from, source, ...options.keys()].some((part) => part?.includes('$')))
    return unknown('quotes and variables in a mount are read by Buildah alone')
  if (type === 'cache') return unknown('what a cache mount starts with is not compared')
  if (type !== undefined && type !== 'bind') return unknown('a type of mount that is not known here')
  // Where the type isn't written, it is bind; but then Buildah forgets the content, in all versions so far.
  const compares = (since: string) => type === 'bind' && gte(buildah, since)
  if (from === undefined) return { kind: compares(COMPARES_MOUNTS) ? 'link' : 'digest', source }
  if (contexts.has(from)) return unknown('it shows another build context')
  const since = stages.has(from) ? COMPARES_STAGES : COMPARES_MOUNTS
  return compares(since) ? OWN : unknown(`Buildah ${buildah} does not compare what it shows`)
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
