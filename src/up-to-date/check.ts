import type { Pushed } from '../engine/engine.js'
import { describeInLine } from '../errors.js'
import { REVISION } from '../metadata/commit.js'
import type { Inputs } from '../runner/inputs.js'
import { debug, info } from '../log.js'
import { formatCount, formatTime } from '../lib/format.js'
import { type Bases, digestBases, otherThanExpected, otherThanLookedUp, type Unknown } from './base-digests.js'
import { listDockerLayers } from './docker-layers.js'
import { differingSayings, type Fingerprint, firstDifference } from './fingerprint.js'
import type { Inspection } from './inspection.js'
import { areShown, hasTriggers, type JustBuilt, sizeOf } from './just-built.js'
import type { Layers } from './copied-layers.js'
import { findFault } from './proof.js'
import {
  addRemembered,
  differenceFrom,
  formatRemembered,
  inTime,
  isOther,
  parseRemembered,
  type RememberedBuild,
  repositoriesOf,
} from './build-record.js'
import { type ComparisonRequest, fingerprint } from './request.js'
import { putReferences } from './retag.js'

/** An image that needn't be built. */
export interface Unchanged {
  readonly build: RememberedBuild
  readonly pushed: readonly Pushed[]
}

export interface Comparison {
  /** An image of an earlier run that is the one that would be built, under all references. Never rejects. */
  find(): Promise<Unchanged | undefined>
  /**
   * Holds what steps have copied against what was read, while it is pushed.
   * @returns why it isn't remembered, as a sentence without its full stop. Never rejects.
   */
  check(list: () => Promise<Layers>): Promise<string | undefined>
  /** Leaves word of what was built and pushed, for later runs. Never rejects. */
  remember(built: JustBuilt): Promise<void>
  /** Lets go of registries. */
  close(): void
}

/** Begins to compare. Only who pushes can do with an image that isn't here, and remembers where it is. */
export function compare(request: ComparisonRequest): Comparison {
  const { inputs, inspection, registries } = request
  const why = whyNotLookedFor(inputs) ?? inspection.doubts[0]
  const watched = inputs.push ? startComparison(request) : undefined
  return {
    async find() {
      const found =
        why === undefined && watched !== undefined
          ? await findSame(watched, request)
          : { why: `not checked; ${why ?? ''}` }
      if (!('why' in found)) return found
      info(`Unchanged: ${found.why}`)
      return undefined
    },
    async check(list) {
      // What is told anyway needs no proof.
      if (watched === undefined || inspection.doubts.length > 0) return undefined
      return await findFault(list, watched.wholly, request).catch(describeInLine)
    },
    async remember(built) {
      // Who doesn't push is told already that nothing is looked for, and leaves nothing.
      if (watched === undefined) return
      const refusal = await rememberBuild(built, watched, request).catch((error: unknown) => describeInLine(error))
      if (refusal === undefined) debug('Unchanged: build record saved')
      else info(`Unchanged: no build record saved; ${refusal}`)
    },
    close: () => {
      registries.close()
    },
  }
}

/** Why it is built in any case, as a sentence without its full stop. */
function whyNotLookedFor(inputs: Inputs): string | undefined {
  if (!inputs.push) return 'the image is needed here (`push: false`)'
  if (inputs.load || inputs.outputs.length > 0) return 'the image is needed here (`load`, `outputs`)'
  return inputs.noCache || inputs.pull ? 'a new build is requested (`no-cache`, `pull`)' : undefined
}

/** What is on its way while the engine is made ready. None of these rejects. */
interface Watched {
  /** Of earlier runs, the newest first; those that are too old among them. */
  readonly builds: Promise<readonly RememberedBuild[]>
  /** Without the base images, which take a registry to answer. */
  readonly partly: Promise<Fingerprint | Unknown>
  readonly wholly: Promise<{ readonly fingerprint: Fingerprint; readonly bases: Bases } | Unknown>
}

function startComparison(request: ComparisonRequest): Watched {
  const bases = askBases(request)
  const wholly = async () => {
    const found = await bases
    if ('why' in found) return found
    const made = shown(await fingerprint(request, found.digests))
    return 'why' in made ? made : { fingerprint: made, bases: found }
  }
  return {
    builds: request.remembered.then((text) => (text === undefined ? [] : parseRemembered(text))),
    partly: fingerprint(request, undefined),
    wholly: wholly(),
  }
}

/** The image of an earlier run under all references; or the rest of a sentence that says why it is built. */
async function findSame(
  { builds: all, partly, wholly }: Watched,
  request: ComparisonRequest,
): Promise<Unchanged | Unknown> {
  const builds = inTime(await all, limitsOf(request))
  // Who remembers nothing need not wait for what was to be compared, nor who sees a difference already.
  if (builds.length === 0) {
    const isOld = (await all).length > 0
    return {
      why: isOld
        ? 'not checked; all build records are older than `cache-ttl`'
        : 'not checked; there is no build record yet',
    }
  }
  const local = await partly
  if (!('why' in local) && builds.every((one) => isOfNoUse(one, local))) return { why: differenceFrom(builds, local) }
  const now = await wholly
  if ('why' in now) return { why: `not checked; ${now.why}` }
  const same = builds.find((one) => !isOther(now.fingerprint)(one))
  if (same !== undefined) return await takeSame(same, now.fingerprint, request)
  const other = builds.find((one) => !isOfNoUse(one, now.fingerprint))
  if (other === undefined) return { why: differenceFrom(builds, now.fingerprint) }
  return await takeRelabelled(other, now.fingerprint, await all, request)
}

/** Whether a build is neither the same nor one whose image only says something else of itself. */
function isOfNoUse({ fingerprint: before }: RememberedBuild, now: Fingerprint): boolean {
  return isOther(now)({ fingerprint: before }) && differingSayings(before, now).length === 0
}

/** Leaves word of a build; or says why not, as a sentence without its full stop. */
async function rememberBuild(
  built: JustBuilt,
  watched: Watched,
  request: ComparisonRequest,
): Promise<string | undefined> {
  const before = await watched.wholly
  if ('why' in before) return before.why
  if (built.pushed.length === 0) return 'no image was pushed'
  if (!areShown(built)) return "the engine didn't print its steps, and a base image may add some (ONBUILD)"
  if (hasTriggers(built)) return 'a base image adds instructions (ONBUILD)'
  const { choices } = before.bases
  const other = choices.length === 0 ? undefined : otherThanExpected(choices, await built.imageNames())
  if (other !== undefined) return other
  const fault = await faultOf(built, watched, request)
  if (fault !== undefined) return fault
  const strange = otherThanLookedUp(built.bases ?? [], before.bases.digests)
  if (strange !== undefined) return strange
  // A tag may have moved while its image was pulled: then nobody knows which one it was.
  const bases = await askBases(request)
  const after = 'why' in bases ? bases : await fingerprint(request, bases.digests)
  if ('why' in after) return after.why
  const difference = firstDifference(before.fingerprint, after)
  if (difference !== undefined) return `changed during the build: ${difference}`
  const limits = limitsOf(request)
  const { fingerprint: parts } = before
  const said = request.ofCommit.values
  const made = { ...sizeOf(built), builtAt: limits.now, fingerprint: parts, places: repositoriesOf(built.pushed), said }
  const isTaken = await request.note.write(formatRemembered(addRemembered(await watched.builds, made, limits)))
  return isTaken ? undefined : "this run couldn't write to the cache"
}

async function faultOf(
  { fault, blobs, pushed }: JustBuilt,
  { wholly }: Watched,
  request: ComparisonRequest,
): Promise<string | undefined> {
  if (blobs === undefined) return fault
  const { inspection, registries } = request
  return await findFault(() => listDockerLayers(blobs, inspection.ownCopies, pushed, registries), wholly, request)
}

function limitsOf({ inputs, now }: ComparisonRequest): { readonly now: number; readonly ttlMs: number } {
  return { now: now.getTime(), ttlMs: inputs.cache.ttlMs }
}

async function askBases({ inspection, baseNames, found, registries }: ComparisonRequest): Promise<Bases | Unknown> {
  const [doubt] = inspection.doubts
  return doubt === undefined ? await digestBases(baseNames, found, registries) : { why: doubt }
}

/** Shows each part, so that two runs can be compared. */
function shown(fingerprint: Fingerprint | Unknown): Fingerprint | Unknown {
  const parts = 'why' in fingerprint ? [] : fingerprint
  for (const { name, digest } of parts) debug(`Unchanged: ${name}: ${digest}`)
  return fingerprint
}

/** The same build, when its image is where it is wanted; says what was compared. */
async function takeSame(
  build: RememberedBuild,
  now: Fingerprint,
  { references, registries, inspection, ofCommit }: ComparisonRequest,
): Promise<Unchanged | Unknown> {
  const time = formatTime(new Date(build.builtAt))
  const put = await putReferences(references, build.places, registries)
  if ('why' in put)
    return { why: `no build input has changed since the build of ${time}, but its image can't be reused: ${put.why}` }
  const compared = describeCompared(now, inspection)
  info(`Unchanged: reusing the image built at ${time}; no build input has changed (${compared})`)
  const revision = build.said.get(REVISION)
  if (revision !== undefined && revision !== ofCommit.values.get(REVISION))
    info(`Unchanged: its labels name the commit it was built from: ${revision}`)
  return { build, pushed: put.pushed }
}

/** The same build but for labels and annotations, which its image is given in the registry; remembers it as another one. */
async function takeRelabelled(
  build: RememberedBuild,
  now: Fingerprint,
  all: readonly RememberedBuild[],
  request: ComparisonRequest,
): Promise<Unchanged | Unknown> {
  const { references, registries, inspection, note, ofCommit, labels, annotations } = request
  const time = formatTime(new Date(build.builtAt))
  const changed = differingSayings(build.fingerprint, now).join(' and ')
  const put = await putReferences(references, build.places, registries, { labels, annotations })
  if ('why' in put)
    return { why: `only ${changed} changed since the build of ${time}, but its image can't be reused: ${put.why}` }
  const compared = describeCompared(now, inspection)
  info(
    `Unchanged: reusing the image built at ${time} with the ${changed} of this run; no other build input has changed (${compared})`,
  )
  const { pushed, imageId = build.imageId } = put
  const made = { ...build, fingerprint: now, imageId, places: repositoriesOf(pushed), said: ofCommit.values }
  // Where nothing may be written, the next run does the same once more, with the same result.
  await note.write(formatRemembered(addRemembered(all, made, limitsOf(request)))).catch(() => false)
  return { build: made, pushed }
}

function describeCompared(now: Fingerprint, { files, images }: Inspection): string {
  return `${now.length} checked, including ${formatCount(files, 'context file')} and ${formatCount(images.length, 'base image')}`
}
