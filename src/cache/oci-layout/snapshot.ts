import { mkdir, rm } from 'node:fs/promises'
import type { OciLayout } from '../../build-storage.js'
import { NOTHING_RESTORED } from '../cache.js'
import { failureOf } from '../errors.js'
import type { Snapshot } from '../snapshot.js'
import { arrangeInPlace } from './in-place.js'
import { type BlobIndex, formatBlobIndex, isUsable, parseBlobIndex } from './index.js'
import { fill } from './restore.js'
import { planSave } from './save.js'

/** The steps that BuildKit, or a builder in Docker's daemon, takes from a folder and leaves in one. */
export function ociLayout({ layout }: OciLayout): Snapshot<BlobIndex> {
  const empty = async (root: string) => {
    await rm(root, { recursive: true, force: true })
    await mkdir(root, { recursive: true, mode: 0o700 })
  }
  return {
    // The two kinds of folder have nothing in common that could be shared.
    suffix: `-${layout}`,
    folder: `${layout}-${process.getuid?.() ?? 0}`,
    parse: parseBlobIndex,
    format: formatBlobIndex,
    incompatibleReason: (index, limits) => (isUsable(index, layout, limits) ? undefined : ''),
    async unpack([index], root, options) {
      const none = { isEmpty: true, indexes: [], changedBaseImages: () => Promise.resolve([]) }
      if (index === undefined) return { ...none, restored: NOTHING_RESTORED }
      try {
        const restored = await fill(index, root, options)
        return { ...none, restored, indexes: [index], isEmpty: false }
      } catch (error) {
        // An incomplete folder would fail the build.
        await empty(root)
        return { ...none, restored: { ...NOTHING_RESTORED, failures: [failureOf(error)] } }
      }
    },
    empty,
    plan: (job, [before], stagingDir) => planSave(job, layout, before, stagingDir),
    arrange: (place) => arrangeInPlace(place, layout, empty),
  }
}
