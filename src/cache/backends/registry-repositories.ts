import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ArtifactRepository, BlobName, RepositoryAccess } from '../../artifact-repository.js'
import { once } from '../../lib/memoize.js'
import type { RegistryBackend } from '../options.js'

interface RepositoriesOptions extends Pick<RegistryBackend, 'from' | 'to'> {
  /** Private folder of this process, absolute. */
  readonly stagingDir: string
  readonly access: Pick<RepositoryAccess, 'open'>
}

/** The repositories of a cache, and what is known to be in each. */
export class CacheRepositories {
  private readonly byName = new Map<string, Promise<ArtifactRepository>>()
  private readonly opened: ArtifactRepository[] = []
  /** Names of the repositories in which a manifest names a blob, by its digest. */
  private readonly places = new Map<string, Set<string>>()
  private isDoubtful = false

  constructor(private readonly options: RepositoriesOptions) {}

  async open(name: string): Promise<ArtifactRepository> {
    return await once(this.byName, name, async () => {
      const repository = await this.options.access.open(name, name === this.options.to)
      this.opened.push(repository)
      return repository
    })
  }

  requests(): number {
    return this.opened.reduce((sum, repository) => sum + repository.requests(), 0)
  }

  close(): void {
    for (const repository of this.opened) repository.close()
  }

  /** All of them, those first that have the blob for certain. */
  names(digest = ''): string[] {
    const { from, to } = this.options
    const known = this.places.get(digest) ?? []
    return [...new Set([...known, ...from, ...(to === undefined ? [] : [to])])]
  }

  note(blobs: readonly BlobName[], name: string): void {
    for (const { digest } of blobs) this.places.set(digest, (this.places.get(digest) ?? new Set()).add(name))
  }

  /** Has everything looked for from now on before it is named, whatever manifests say. */
  doubt(): void {
    this.isDoubtful = true
  }

  isThere({ digest }: BlobName, { name }: ArtifactRepository): boolean {
    return !this.isDoubtful && this.places.get(digest)?.has(name) === true
  }

  /** Those of the blobs that a repository has, or gets from another one that is read. */
  async gather(blobs: readonly BlobName[], repository: ArtifactRepository, signal: AbortSignal): Promise<BlobName[]> {
    const there = await Promise.all(
      blobs.map(async (blob) => this.isThere(blob, repository) || (await this.bring(blob, repository, signal))),
    )
    return blobs.filter((_, index) => there[index])
  }

  /** Has a file made in a folder of its own, and moves it to its place when it is whole. @returns whether it was made */
  async place(path: string, make: (file: string) => Promise<boolean>): Promise<boolean> {
    const { stagingDir } = this.options
    const folder = join(stagingDir, 'incoming')
    const file = join(folder, path)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await rm(file, { force: true })
    try {
      if (!(await make(file))) return false
      await rename(file, join(stagingDir, path))
      return true
    } finally {
      await rm(file, { force: true })
    }
  }

  private async bring(blob: BlobName, into: ArtifactRepository, signal: AbortSignal): Promise<boolean> {
    if (await into.hasBlob(blob.digest)) return true
    for (const name of this.names(blob.digest).filter((other) => other !== into.name)) {
      if (registryOf(name) === registryOf(into.name) && (await into.mountBlob(blob.digest, name))) return true
      if (await this.copy(blob, await this.open(name), into, signal)) return true
    }
    return false
  }

  private async copy(
    blob: BlobName,
    from: ArtifactRepository,
    into: ArtifactRepository,
    signal: AbortSignal,
  ): Promise<boolean> {
    const path = `copy-${blob.digest.slice('sha256:'.length)}`
    if (!(await this.place(path, (file) => from.fetchBlob(blob, file, signal)))) return false
    const file = join(this.options.stagingDir, path)
    await into.putBlob(blob, file, signal).finally(() => rm(file))
    return true
  }
}

function registryOf(name: string): string {
  return name.slice(0, name.indexOf('/'))
}
