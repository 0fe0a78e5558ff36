import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Entries, Stored } from './backends/entries.js'
import { readPlain } from '../lib/plain-file.js'

/** Where the steps of one run meet that build one image for several platforms. */
export interface Meeting {
  /** Leaves a text for a platform. Never rejects. */
  leave(platform: string, text: string): Promise<Stored>
  /**
   * Takes the next of as many numbers as there are platforms. A service gives each number once, however many ask at the
   * same time, although what it has taken may be seen late. Never rejects.
   * @returns undefined where all are given away, or it isn't known
   */
  takeNumber(): Promise<number | undefined>
  /** The newest text that was left for a platform, as far as it can be seen by now. Never rejects. */
  find(platform: string): Promise<string | undefined>
  /** What went wrong, one text a cause. */
  failures(): readonly string[]
  close(): void
}

/** What tells a meeting from others. */
export interface MeetingKey {
  /** Of the run; the same in all of its attempts. */
  readonly run: string
  readonly attempt: string
  /** Of what is the same in every step that takes part: hexadecimal. */
  readonly join: string
  /** How many platforms there are. */
  readonly platforms: number
}

/** Begins the name of every entry, as those of the cache. */
const FAMILY = 'rib1'
const TIMEOUT_MS = 20_000
const MAX_BYTES = 64 * 1024
const NUMBER_PATH = 'leg-number.json'

/** @param stagingDir private folder of this process, absolute, that the entries are stored from */
export function openMeeting(entries: Entries, key: MeetingKey, stagingDir: string): Meeting {
  const { run, attempt, join: joinKey, platforms } = key
  const prefix = (kind: 'leg' | 'number') => `${FAMILY}-${kind}-${run}-${joinKey}-`
  // The service tells entries apart by their paths, too.
  const pathOf = (platform: string) => `leg-${platform}.json`
  const store = async (name: string, path: string, text: string) => {
    await rm(join(stagingDir, path), { recursive: true, force: true })
    await writeFile(join(stagingDir, path), text, { mode: 0o600, flag: 'wx' })
    return await entries.store(name, path, TIMEOUT_MS)
  }
  return {
    leave: (platform, text) => store(`${prefix('leg')}${plain(platform)}-${attempt}`, pathOf(plain(platform)), text),
    async takeNumber() {
      for (let number = 1; number <= platforms; number += 1) {
        const stored = await store(`${prefix('number')}${number}`, NUMBER_PATH, String(number))
        if (stored === 'stored') return number
        if (stored === 'failed') return undefined
      }
      return undefined
    },
    async find(platform) {
      const path = pathOf(plain(platform))
      await rm(join(stagingDir, path), { recursive: true, force: true })
      const found = await entries.fetch(`${prefix('leg')}${plain(platform)}-`, path, TIMEOUT_MS, MAX_BYTES)
      if (found === undefined) return undefined
      return (await readPlain(join(stagingDir, path), MAX_BYTES).catch(() => undefined))?.toString('utf8')
    },
    failures: () => entries.failures(),
    close: () => {
      entries.close()
    },
  }
}

/** `linux_arm_v7`: a name of a file. */
function plain(platform: string): string {
  return platform.replaceAll(/[^\w.]/g, '_')
}
