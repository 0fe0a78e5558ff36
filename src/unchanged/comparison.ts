import { readFile } from 'node:fs/promises'
import type { Note } from '../cache/note.js'
import { targetIndex } from '../dockerfile/dockerfile.js'
import { surprisingStages } from '../dockerfile/recorded-steps.js'
import type { StageKeys } from '../dockerfile/step-keys.js'
import type { Found, Pushed } from '../engine/engine.js'
import type { Step } from '../engine/progress.js'
import { describe } from '../errors.js'
import type { Reference } from '../image/reference.js'
import type { Inputs } from '../inputs.js'
import { detail, say } from '../log.js'
import { platform } from '../platform.js'
import type { Registries } from '../registry/registry.js'
import type { CacheReport } from '../report/cache-stats.js'
import { argumentsOf, type Product, runsIn } from '../surroundings.js'
import { formatCount, formatTime } from '../units.js'
import { type BasePlaces, digestBases, type Unknown } from './bases.js'
import { type Fingerprint, fingerprintOf, firstDifference } from './fingerprint.js'
import type { Inspection } from './inspection.js'
import { addRemembered, formatRemembered, inTime, parseRemembered, type RememberedBuild } from './remembered.js'
import { putReferences } from './reuse.js'

/** What is compared with what earlier runs have built. */
export interface ComparisonRequest extends Product {
  readonly references: readonly Reference[]
  readonly inspection: Inspection
  readonly found: Pick<Found, 'engine' | 'whyDoubtful'>
  /** Where the engine would look for the base images, by their names. */
  readonly places: BasePlaces
  readonly registries: Registries
  readonly note: Note
  /** What the note of earlier runs says, as far as that is known. */
  readonly remembered: Promise<string | undefined>
  /** Of the process that builds. */
  readonly epoch: string
}

/** An image that needn't be built. */
export interface Unchanged {
  readonly build: RememberedBuild
  readonly pushed: readonly Pushed[]
}

/** What this run has built. */
export interface JustBuilt {
  readonly imageId: string
  readonly pushed: readonly Pushed[]
  readonly steps: readonly Step[]
  /** Keys of the steps as they are in the Dockerfile; empty for an engine that has none. */
  readonly keys: readonly StageKeys[]
  readonly cache: CacheReport
}

export interface Comparison {
  /** An image of an earlier run that is the one that would be built, under all references. Never rejects. */
  find(): Promise<Unchanged | undefined>
  /** Leaves word of what was built and pushed, for later runs. Never rejects. */
  remember(built: JustBuilt): Promise<void>
  /** Lets go of registries. */
  close(): void
}

/** Begins to compare. Only who pushes can do with an image that isn't here, and remembers where it is. */
export function compare(request: ComparisonRequest): Comparison {
  const { inputs, context, inspection, note, registries } = request
  const close = () => {
    registries.close()
  }
  if (!inputs.push) {
    detail('Unchanged: not looked for, since the image is wanted here (`push: false`)')
    return { find: () => Promise.resolve(undefined), remember: () => Promise.resolve(), close }
  }
  const limits = { now: context.now.getTime(), ttlMs: inputs.cache.ttlMs }
  const earlier = request.remembered.then((text) => inTime(text === undefined ? [] : parseRemembered(text), limits))
  const bases = askBases(request)
  const partly = fingerprint(request, undefined)
  const wholly = bases.then(async (found) => shown('why' in found ? found : await fingerprint(request, found)))
  return {
    async find() {
      const why = whyNot(inputs) ?? inspection.doubts[0]
      if (why !== undefined) detail(`Unchanged: not looked for, since ${why}`)
      const builds = why === undefined ? await earlier : []
      // Who remembers nothing need not wait for what was to be compared, nor who sees a difference already.
      if (builds.length === 0) return undefined
      const local = await partly
      const now = 'why' in local || !builds.every(isOther(local)) ? await wholly : local
      if (!('why' in now)) return await findSame(builds, now, request)
      say(`Unchanged: that can't be told, since ${now.why}`)
      return undefined
    },
    async remember(built) {
      const before = await wholly
      const surprise = hasTriggers(built)
      if (surprise) detail('Unchanged: this build is not remembered, since a base image has instructions of its own')
      if ('why' in before || built.pushed.length === 0 || surprise) return
      // A tag may have moved while its image was pulled: then nobody knows which one it was.
      const found = await askBases(request)
      const after = 'why' in found ? found : await fingerprint(request, found)
      if ('why' in after || isOther(after)({ fingerprint: before })) return
      const made = { ...sizeOf(built), builtAt: limits.now, fingerprint: before, places: repositoriesOf(built.pushed) }
      const isTaken = await note.write(formatRemembered(addRemembered(await earlier, made, limits)))
      if (isTaken) detail('Unchanged: this build is remembered')
    },
    close,
  }
}

/** Why it is built in any case, as a sentence without its full stop. */
function whyNot(inputs: Inputs): string | undefined {
  if (inputs.load || inputs.outputs.length > 0) return 'the image is wanted here (`load`, `outputs`)'
  return inputs.noCache || inputs.pull ? 'it shall be built anew (`no-cache`, `pull`)' : undefined
}

type Bases = ReadonlyMap<string, string>

async function askBases({ inspection, places, found, registries }: ComparisonRequest): Promise<Bases | Unknown> {
  const [doubt] = inspection.doubts
  return doubt === undefined ? await digestBases(places, found, registries) : { why: doubt }
}

async function fingerprint(request: ComparisonRequest, bases: Bases | undefined): Promise<Fingerprint | Unknown> {
  const { inputs, context, source, found, inspection, format, labels, annotations, epoch } = request
  const ids = inputs.ssh.map((entry) => `ssh ${entry.split('=', 1)[0] ?? ''}`)
  try {
    const [digests, dockerfile] = await Promise.all([inspection.digests(), readFile(source.file)])
    return fingerprintOf({
      ...{ engine: found.engine.label, platform: platform(), format, dockerfile, bases, labels, annotations, epoch },
      ...{ context: digests.context, contexts: digests.contexts, buildArgs: argumentsOf(inputs, context) },
      target: targetIndex(source.dockerfile, source.target),
      surroundings: [...runsIn(inputs), `isolation ${inputs.isolation}`],
      secrets: [...inputs.secrets.map(({ id }) => id), ...ids],
      extraArgs: inputs.extraArgs,
    })
  } catch (error) {
    return { why: describe(error) }
  }
}

/** Shows each part, so that two runs can be compared. */
function shown(fingerprint: Fingerprint | Unknown): Fingerprint | Unknown {
  const parts = 'why' in fingerprint ? [] : fingerprint
  for (const { name, digest } of parts) detail(`Unchanged: ${name}: ${digest}`)
  return fingerprint
}

function isOther(now: Fingerprint): (build: Pick<RememberedBuild, 'fingerprint'>) => boolean {
  return (build) => firstDifference(build.fingerprint, now) !== undefined
}

/** The build that is the same, when its image is where it is wanted; says what was compared, or what is another. */
async function findSame(
  builds: readonly RememberedBuild[],
  now: Fingerprint,
  { references, registries, inspection }: ComparisonRequest,
): Promise<Unchanged | undefined> {
  const build = builds.find((one) => !isOther(now)(one))
  if (build === undefined) {
    sayDifference(builds, now)
    return undefined
  }
  const time = formatTime(new Date(build.builtAt))
  const put = await putReferences(references, build.places, registries)
  const { files, images } = inspection
  const compared = `${now.length} parts, among them ${formatCount(files, 'file')} of the context and ${formatCount(images.length, 'base image')}`
  if ('why' in put) {
    say(`Unchanged: all is as in the build of ${time}, and it is built all the same, since ${put.why}`)
    return undefined
  }
  say(`Unchanged: nothing is built, since all is as in the build of ${time} (${compared}), and its image is there`)
  return { build, pushed: put.pushed }
}

/**
 * Whether a base image has added instructions (ONBUILD): what they take from the context isn't known from the Dockerfile.
 */
function hasTriggers({ steps, keys }: JustBuilt): boolean {
  if (keys.length > 0) return surprisingStages(steps, keys).size > 0
  // BuildKit says so, or, when it was younger, counts further than it has.
  return steps.some(({ text, index, of = Infinity }) => text.startsWith('ONBUILD ') || index > of)
}

function sizeOf({
  imageId,
  steps,
  cache: { stats },
}: JustBuilt): Pick<RememberedBuild, 'imageId' | 'steps' | 'seconds'> {
  const missed = steps.filter(({ hit }) => !hit)
  return {
    imageId,
    steps: (stats['steps-hit'] ?? 0) + (stats['steps-missed'] ?? 0),
    seconds: (stats['seconds-saved'] ?? 0) + missed.reduce((sum, { seconds }) => sum + seconds, 0),
  }
}

/** Says in what it differs from the build that differs in the fewest parts. */
function sayDifference(builds: readonly RememberedBuild[], now: Fingerprint): void {
  const same = ({ fingerprint: before }: RememberedBuild) =>
    now.filter((part) => before.some(({ name, digest }) => name === part.name && digest === part.digest)).length
  const nearest = builds.reduce((best, one) => (same(one) > same(best) ? one : best))
  const difference = firstDifference(nearest.fingerprint, now) ?? ''
  say(`Unchanged: no, it differs from the build of ${formatTime(new Date(nearest.builtAt))} in: ${difference}`)
}

function repositoriesOf(pushed: readonly Pushed[]): RememberedBuild['places'] {
  const places = pushed.map(({ reference: { registry, repository }, digest }) => ({ registry, repository, digest }))
  return places.filter((place, index) => places.findIndex((other) => isSamePlace(other, place)) === index)
}

function isSamePlace(one: Reference, other: Reference): boolean {
  return one.registry === other.registry && one.repository === other.repository && one.digest === other.digest
}
