import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Entries, Stored } from './backends/entries.js'
import { readPlain } from '../lib/plain-file.js'

/** A number, or `none` where all are given away; `unknown` where the service doesn't say. */
export type Taken = number | 'none' | 'unknown'

/** Where the steps of one run meet that build one image for several platforms. */
export interface Meeting {
  /** Leaves a text for a platform. Never rejects. @returns `taken` where others have left many for it */
  leave(platform: string, text: string): Promise<Stored>
  /**
   * Takes for a platform the next of as many numbers as there are platforms. A service gives each number once, however many
   * ask at the same time, although what it has taken may be seen late. Never rejects.
   */
  takeNumber(platform: string): Promise<Taken>
  /**
   * Whether a number was given to nobody, as far as can be seen by now: the answer was lost, and whoever asked has taken
   * another one. Then there are more to come than numbers. Never rejects.
   */
  hasLostNumber(): Promise<boolean>
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
/** An answer that was lost says nothing of the next one. */
const TRIES = 3

/** @param stagingDir private folder of this process, absolute, that the entries are stored from */
export function openMeeting(entries: Entries, key: MeetingKey, stagingDir: string): Meeting {
  return new EntriesMeeting(entries, key, stagingDir)
}

class EntriesMeeting implements Meeting {
  /** Tells this step from others of the same platform. */
  private readonly self = randomUUID()
  /** What this step signs its numbers with. */
  private readonly signatures = new Set<string>()
  private readonly numbers: readonly number[]

  constructor(
    private readonly entries: Entries,
    private readonly key: MeetingKey,
    private readonly stagingDir: string,
  ) {
    this.numbers = Array.from({ length: key.platforms }, (_, index) => index + 1)
  }

  async leave(platform: string, text: string): Promise<Stored> {
    const name = `${this.prefix('leg')}${plain(platform)}-${this.key.attempt}`
    let stored = await this.store(name, pathOf(platform), text)
    // What was reserved without an answer never becomes an entry, and can't be reserved again.
    for (let copy = 2; stored !== 'stored' && copy <= TRIES; copy += 1)
      stored = await this.store(`${name}-${copy}`, pathOf(platform), text)
    return stored
  }

  async takeNumber(platform: string): Promise<Taken> {
    const signature = `${platform} ${this.self}`
    this.signatures.add(signature)
    let failures = 0
    for (const number of this.numbers) {
      let stored = await this.storeNumber(number, signature)
      // Where it was stored after all, it is taken now: by nobody.
      while (stored === 'failed' && ++failures < TRIES) stored = await this.storeNumber(number, signature)
      if (stored === 'stored') return number
      if (stored === 'failed') return 'unknown'
    }
    return 'none'
  }

  async hasLostNumber(): Promise<boolean> {
    const seen: string[] = []
    for (const number of this.numbers) {
      const signature = await this.fetch(this.nameOf(number), NUMBER_PATH)
      if (signature !== undefined) seen.push(signature)
    }
    // A service that shows none tells nothing.
    return seen.length > 0 && new Set([...seen, ...this.signatures]).size < this.key.platforms
  }

  find(platform: string): Promise<string | undefined> {
    return this.fetch(`${this.prefix('leg')}${plain(platform)}-`, pathOf(platform))
  }

  failures(): readonly string[] {
    return this.entries.failures()
  }

  close(): void {
    this.entries.close()
  }

  private prefix(kind: 'leg' | 'number'): string {
    return `${FAMILY}-${kind}-${this.key.run}-${this.key.join}-`
  }

  private nameOf(number: number): string {
    return `${this.prefix('number')}${number}`
  }

  private storeNumber(number: number, signature: string): Promise<Stored> {
    return this.store(this.nameOf(number), NUMBER_PATH, signature)
  }

  private async store(name: string, path: string, text: string): Promise<Stored> {
    await rm(join(this.stagingDir, path), { recursive: true, force: true })
    await writeFile(join(this.stagingDir, path), text, { mode: 0o600, flag: 'wx' })
    return await this.entries.store(name, path, TIMEOUT_MS)
  }

  private async fetch(name: string, path: string): Promise<string | undefined> {
    await rm(join(this.stagingDir, path), { recursive: true, force: true })
    const found = await this.entries.fetch(name, path, TIMEOUT_MS, MAX_BYTES)
    if (found === undefined) return undefined
    return (await readPlain(join(this.stagingDir, path), MAX_BYTES).catch(() => undefined))?.toString('utf8')
  }
}

/** The service tells entries apart by their paths, too. */
function pathOf(platform: string): string {
  return `leg-${plain(platform)}.json`
}

/** `linux_arm_v7`: a name of a file. */
function plain(platform: string): string {
  return platform.replaceAll(/[^\w.]/g, '_')
}
