import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../lib/clock.js'
import { partPath } from '../key.js'
import type { Ahead, Run } from '../cache.js'
import type { PackedGroup, PackingAhead } from '../snapshot.js'
import { type Author, type Part, sendPart, type StagingOptions } from './parts.js'

/** Sends parts while the build goes on. */
export interface Sending {
  /** To be called when a part lies in the staging directory, which it leaves again. */
  readonly send: (part: Part) => void
  /** The build is over: from now on only what is quickly sent is begun. */
  readonly hurry: () => void
  /** Begins nothing more, and waits for what is under way: an upload that is cut off blocks its name. @returns SHA-256 of what is there */
  readonly close: () => Promise<ReadonlySet<string>>
}

/** After the build, the later steps of the job wait for what is begun. */
const QUICK_MS = 3000

/**
 * Sends one part after the other; the first one that fails is the last one. A part that is sent is one of the cache when an
 * index names it, and not before.
 * @param deadlineMs how long one may take
 */
export function openSending(author: Pick<Author, 'unique'>, place: StagingOptions, deadlineMs: number): Sending {
  const { clock = systemClock } = place
  const sent = new Set<string>()
  const state = { isOver: false, isHurried: false, bytesPerMs: 0 }
  let working: Promise<void> = Promise.resolve()
  const isDue = ({ bytes }: Part) => !state.isOver && (!state.isHurried || bytes <= state.bytesPerMs * QUICK_MS)
  // Where the disk fills up, what is packed is removed.
  const isThere = ({ sha256 }: Part) =>
    access(join(place.stagingDir, partPath(sha256))).then(
      () => true,
      () => false,
    )
  const sendOne = async (part: Part) => {
    if (!isDue(part) || !(await isThere(part))) return
    const started = clock.now()
    const isSent = await sendPart(part, author, place, started + deadlineMs).catch(() => false)
    if (isSent) sent.add(part.sha256)
    else state.isOver = true
    state.bytesPerMs = part.bytes / Math.max(1, clock.now() - started)
  }
  return {
    send(part) {
      working = working.then(() => sendOne(part))
    },
    hurry() {
      state.isHurried = true
    },
    async close() {
      state.isOver = true
      await working
      return sent
    },
  }
}

/** What packs layers while the build goes on, with what sends them. @param pack gets what is to be called for each part */
export function packAndSend(pack: (onPacked: (part: Part) => void) => PackingAhead, sending: Sending): PackingAhead {
  const packing = pack(sending.send)
  return {
    look: () => packing.look(),
    stop() {
      packing.stop()
      sending.hurry()
    },
    async close() {
      const packed = await packing.close()
      const sent = await sending.close()
      return packed.map((one) => ({ ...one, isSent: sent.has(one.part.sha256) }))
    },
  }
}

/** What is saved before the push is over. */
export interface EarlySave {
  readonly ahead: Ahead
  /** Ends it, and forgets what was packed. */
  readonly drop: () => Promise<void>
  /** Begins nothing more, and waits for what is under way. @returns what is packed */
  readonly close: () => Promise<readonly PackedGroup[]>
}

/** @param sendRest sends what the build has left; undefined where it leaves that to the save */
export function saveEarly(
  packing: PackingAhead,
  sendRest: (run: Run, packing: PackingAhead) => Promise<readonly PackedGroup[] | undefined>,
): EarlySave {
  let isDropped = false
  let rest: Promise<readonly PackedGroup[] | undefined> | undefined
  return {
    ahead: {
      look: () => packing.look(),
      stop: () => {
        packing.stop()
      },
      async finish(run) {
        if (isDropped) return
        rest = sendRest({ ...run, pushed: undefined, failed: false }, packing)
        await rest
      },
    },
    async drop() {
      isDropped = true
      await rest
      await packing.close()
    },
    async close() {
      const packed = (await rest) ?? (await packing.close())
      return isDropped ? [] : packed
    },
  }
}
