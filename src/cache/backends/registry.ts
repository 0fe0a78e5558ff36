import { randomUUID } from 'node:crypto'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { ArtifactRepository, BlobName, RepositoryAccess } from '../../artifact-repository.js'
import { isIndex, newestOf, partOfKey } from '../key.js'
import type { ArchiveOptions, RegistryBackend } from '../options.js'
import type { Counts, Entries, Held, Stored } from './entries.js'
import { blobNameOf, blobsOf, parseArtifact } from './registry-manifest.js'
import { CacheRepositories } from './registry-repositories.js'
import { RegistryRequests } from './registry-requests.js'
import { putText, type Written } from './registry-texts.js'
import { keepTidy } from './registry-upkeep.js'

export interface RegistryOptions extends Omit<RegistryBackend, 'kind' | 'terms'> {
  /** Private folder of this process, absolute. */
  readonly stagingDir: string
  readonly access: Pick<RepositoryAccess, 'open'>
}

const DEADLINE_MS = 20_000
/** A build record is small, and so is an index of a hundred steps. */
const MAX_TEXT_BYTES = 32 * 2 ** 20

/**
 * A repository of a registry as a service of entries. A part is a blob by its digest. What has newer ones, an index or a
 * build record, is a manifest under one tag a scope and branch, which names the blobs that it needs.
 * @returns the entries, and those of the further repositories that only indexes are looked for in
 */
export function openRegistry(options: RegistryOptions): Pick<ArchiveOptions, 'entries' | 'further'> {
  const store = new RegistryStore(options)
  const [first, ...others] = options.from
  return {
    entries: entriesOf(store, first),
    further: others.map((name) => entriesOf(store, name)),
  }
}

function entriesOf(store: RegistryStore, source: string | undefined): Entries {
  return {
    fetch: (key, path, deadlineMs = DEADLINE_MS, maxBytes = MAX_TEXT_BYTES) =>
      store.fetch(key, { path, source, deadlineMs, maxBytes }),
    has: (key, _path, deadlineMs = DEADLINE_MS) => store.has(key, deadlineMs),
    store: (key, path, deadlineMs = DEADLINE_MS, holds = []) => store.store(key, path, deadlineMs, holds),
    counts: () => store.counts(),
    isStopped: () => store.requests.health.stoppedBy !== undefined,
    failures: () => store.requests.health.failures(),
    close: () => {
      store.close()
    },
  }
}

/** Where a file goes, and what is to come. */
interface Wanted {
  readonly path: string
  /** Of a text. */
  readonly source: string | undefined
  readonly deadlineMs: number
  readonly maxBytes: number
}

interface Target {
  readonly repository: ArtifactRepository
  /** Relative to the staging directory. */
  readonly path: string
  readonly signal: AbortSignal
}

class RegistryStore {
  readonly requests = new RegistryRequests()
  private readonly repositories: CacheRepositories

  constructor(private readonly options: RegistryOptions) {
    this.repositories = new CacheRepositories(options)
  }

  async fetch(key: string, wanted: Wanted): Promise<string | undefined> {
    const sha256 = partOfKey(key)
    const found = await this.requests.run('fetch', wanted.deadlineMs, (signal) =>
      sha256 === undefined ? this.fetchText(newestOf(key), wanted, signal) : this.fetchPart(sha256, wanted, signal),
    )
    return found === true ? key : undefined
  }

  async has(key: string, deadlineMs: number): Promise<boolean> {
    const sha256 = partOfKey(key)
    const found = await this.requests.run('has', deadlineMs, async (signal) => {
      for (const name of this.repositories.names()) {
        const repository = await this.repositories.open(name)
        if (sha256 === undefined) {
          if ((await repository.fetchManifest(newestOf(key), signal)) !== undefined) return true
        } else if (await repository.hasBlob(`sha256:${sha256}`)) return true
      }
      return false
    })
    return found === true
  }

  async store(key: string, path: string, deadlineMs: number, holds: readonly Held[]): Promise<Stored> {
    const { to } = this.options
    const sha256 = partOfKey(key)
    const stored = await this.requests.run('store', deadlineMs, async (signal) => {
      if (to === undefined) return undefined
      const repository = await this.repositories.open(to)
      const target = { repository, path, signal }
      return sha256 === undefined
        ? await this.storeText(newestOf(key), holds, target)
        : await this.storePart(sha256, target)
    })
    if (typeof stored === 'object') await this.tidy(newestOf(key), stored)
    return stored === undefined ? 'failed' : 'stored'
  }

  counts(): Counts {
    return { requests: this.repositories.requests(), failures: this.requests.health.failureCount }
  }

  close(): void {
    this.requests.close()
    this.repositories.close()
  }

  private async fetchText(tag: string, { path, source, maxBytes }: Wanted, signal: AbortSignal): Promise<boolean> {
    if (source === undefined) return false
    const repository = await this.repositories.open(source)
    const manifest = await repository.fetchManifest(tag, signal)
    if (manifest === undefined) return false
    const { text, data, config, parts } = parseArtifact(manifest.text)
    if (text.size > maxBytes) throw new Error(`${source}:${tag} is larger than an index can be`)
    this.repositories.note([text, config, ...parts], source)
    const isInline = data !== undefined && blobNameOf(data).digest === text.digest
    const packed = isInline ? data : await this.readText(text, repository, signal)
    if (packed === undefined) return false
    const bytes = gunzipSync(packed, { maxOutputLength: maxBytes })
    return await this.repositories.place(path, async (file) => {
      await writeFile(file, bytes, { mode: 0o600, flag: 'wx' })
      return true
    })
  }

  private async readText(
    text: BlobName,
    repository: ArtifactRepository,
    signal: AbortSignal,
  ): Promise<Buffer | undefined> {
    const path = `text-${randomUUID()}`
    if (!(await this.repositories.place(path, (file) => repository.fetchBlob(text, file, signal)))) return undefined
    const file = join(this.options.stagingDir, path)
    const bytes = await readFile(file).finally(() => rm(file))
    if (blobNameOf(bytes).digest === text.digest) return bytes
    throw new Error(`${repository.name} returned content that doesn't match ${text.digest}`)
  }

  private async fetchPart(sha256: string, { path, maxBytes }: Wanted, signal: AbortSignal): Promise<boolean> {
    const blob = { digest: `sha256:${sha256}`, size: maxBytes }
    for (const name of this.repositories.names(blob.digest)) {
      const repository = await this.repositories.open(name)
      if (await this.repositories.place(path, (file) => repository.fetchBlob(blob, file, signal))) return true
    }
    return false
  }

  private async storePart(sha256: string, { repository, path, signal }: Target): Promise<true> {
    const file = join(this.options.stagingDir, path)
    const blob = { digest: `sha256:${sha256}`, size: (await stat(file)).size }
    if (!(await repository.hasBlob(blob.digest))) await repository.putBlob(blob, file, signal)
    this.repositories.note([blob], repository.name)
    return true
  }

  private async storeText(tag: string, holds: readonly Held[], { repository, path, signal }: Target): Promise<Written> {
    const { stagingDir, title } = this.options
    try {
      const text = gzipSync(await readFile(join(stagingDir, path)))
      const before = await repository.fetchManifest(tag, signal)
      if (before !== undefined) this.repositories.note(blobsOf(before), repository.name)
      const blobs = holds.map(({ sha256, bytes }) => ({ digest: `sha256:${sha256}`, size: bytes }))
      const parts = await this.repositories.gather(blobs, repository, signal)
      const kind = isIndex(tag) ? 'index' : 'build-record'
      const facts = { kind, text, parts, title, created: Date.now() } as const
      const isThere = (blob: BlobName) => this.repositories.isThere(blob, repository)
      return await putText(tag, facts, before, { repository, stagingDir, signal, isThere })
    } catch (error) {
      // What a manifest names may be gone all the same: the second try looks.
      this.repositories.doubt()
      throw error
    }
  }

  /** What isn't tidy is no reason to fail. */
  private async tidy(tag: string, written: Written): Promise<void> {
    const repository = await this.repositories.open(this.options.to ?? '')
    const signal = AbortSignal.timeout(DEADLINE_MS)
    await keepTidy(tag, written, { repository, ttlMs: this.options.ttlMs, signal }).catch(() => undefined)
  }
}
