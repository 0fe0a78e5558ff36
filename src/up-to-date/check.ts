import { describeInLine } from '../errors.js'
import { type NamedBases, namedBases, type Unknown } from './base-digests.js'
import type { Inputs } from '../runner/inputs.js'
import { debug, info } from '../log.js'
import type { JustBuilt } from './just-built.js'
import type { ComparisonRequest } from './request.js'
import { checkBuilt, type Left, rememberBuild } from './remember.js'
import type { Unchanged } from './reuse.js'
import { findSame } from './same-build.js'
import { startComparison } from './watched.js'

export interface Comparison {
  /** An image of an earlier run that is the one that would be built, under all references. Never rejects. */
  find(): Promise<Unchanged | undefined>
  /**
   * Holds what was built, and what is asked for now, against what was read before the build, while it is pushed.
   * @returns why it isn't remembered, as a sentence without its full stop. Never rejects.
   */
  check(left: Left): Promise<string | undefined>
  /** Leaves word of what was built and pushed, for later runs. Never rejects. */
  remember(built: JustBuilt): Promise<void>
  /** The base images as their registries have them now; or why they aren't known. Never rejects. */
  bases(): Promise<NamedBases | Unknown>
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
    async check(left) {
      // What is told anyway needs no proof.
      if (watched === undefined || inspection.doubts.length > 0) return undefined
      return await checkBuilt(left, watched, request)
    },
    async remember(built) {
      // Who doesn't push is told already that nothing is looked for, and leaves nothing.
      if (watched === undefined) return
      const refusal = await rememberBuild(built, watched, request).catch((error: unknown) => describeInLine(error))
      if (refusal === undefined) debug('Unchanged: build record saved')
      else info(`Unchanged: no build record saved; ${refusal}`)
    },
    async bases() {
      if (watched === undefined) return { why: 'no base image was looked up' }
      const bases = await watched.bases
      return 'why' in bases ? bases : namedBases(request.baseNames, bases.digests)
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
