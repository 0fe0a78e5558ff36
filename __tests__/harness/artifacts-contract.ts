import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from '@jest/globals'

import type { ArtifactRepository, BlobName } from '../../src/artifact-repository.js'

const TYPE = 'application/vnd.oci.image.manifest.v1+json'

/** What a cache takes for granted of a repository: the real one has it, and so has the fake of the unit tests. */
export function artifactsContract(open: (name: string) => ArtifactRepository, makeFolder: () => string): void {
  const { signal } = new AbortController()
  const left = async (repository: ArtifactRepository, bytes: Buffer): Promise<BlobName> => {
    const path = join(makeFolder(), 'blob')
    writeFileSync(path, bytes)
    const blob = { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, size: bytes.length }
    await repository.putBlob(blob, path, signal)
    return blob
  }
  const manifestOf = (blob: BlobName, word: string) => {
    const config = { mediaType: 'application/vnd.oci.empty.v1+json', ...blob }
    const artifactType = 'application/vnd.example.v1'
    return JSON.stringify({
      schemaVersion: 2,
      mediaType: TYPE,
      artifactType,
      config,
      layers: [],
      annotations: { word },
    })
  }

  it('has nothing at first, and says so without an error', async () => {
    const empty = open('contract/empty')
    const digest = `sha256:${'0'.repeat(64)}`
    const path = join(makeFolder(), 'x')
    await expect(empty.fetchManifest('one', signal)).resolves.toBeUndefined()
    await expect(empty.hasBlob(digest)).resolves.toBe(false)
    await expect(empty.fetchBlob({ digest, size: 9 }, path, signal)).resolves.toBe(false)
    await expect(empty.tags(signal)).resolves.toStrictEqual([])
    expect(existsSync(path)).toBe(false)
  })

  it('gives back a blob of several pieces, here and where it is mounted', async () => {
    const [first, second] = [open('contract/first'), open('contract/second')]
    const bytes = randomBytes(3_000_001)
    const blob = await left(first, bytes)
    await expect(first.hasBlob(blob.digest)).resolves.toBe(true)
    await expect(second.mountBlob(blob.digest, first.name)).resolves.toBe(true)
    const path = join(makeFolder(), 'back')
    await expect(second.fetchBlob(blob, path, signal)).resolves.toBe(true)
    expect(readFileSync(path).equals(bytes)).toBe(true)
  })

  it('replaces what a tag has, and deletes by digest', async () => {
    const repository = open('contract/tags')
    const blob = await left(repository, Buffer.from('{}'))
    await expect(repository.putManifest('one', TYPE, manifestOf(blob, 'a'), signal)).resolves.toBe(true)
    const old = await repository.fetchManifest('one', signal)
    await repository.putManifest('one', TYPE, manifestOf(blob, 'b'), signal)
    await expect(repository.deleteManifest(old?.digest ?? '', signal)).resolves.toBe(true)
    const found = await repository.fetchManifest('one', signal)
    expect(found?.text).toBe(manifestOf(blob, 'b'))
    await expect(repository.tags(signal)).resolves.toStrictEqual(['one'])
    expect(repository.requests()).toBeGreaterThan(0)
  })

  it('ends what is given up', async () => {
    const ended = AbortSignal.abort()
    await expect(open('contract/ended').fetchManifest('one', ended)).rejects.toThrow()
  })
}
