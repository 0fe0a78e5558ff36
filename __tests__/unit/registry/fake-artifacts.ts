import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import type { ArtifactRepository, StoredManifest } from '../../../src/artifact-repository.js'
import { RegistryError } from '../../../src/errors.js'
import { listOf, objectOf } from '../../../src/lib/json.js'

/** Repositories in memory. Held to the real ones by `artifactsContract()`. */
export interface FakeArtifacts {
  open(name: string): ArtifactRepository
  /** Bytes by digest, of one repository. */
  blobs(name: string): Map<string, Buffer>
  tags(name: string): string[]
  /** What was asked, such as `blob put`. */
  readonly asked: string[]
  /** What the registry is like. */
  readonly traits: { deletes: boolean; takesArtifacts: boolean; isPublic: boolean }
  /** Every question that fits comes to this, so many times. */
  fail(question: RegExp, error: Error, times?: number): void
  /** Questions that fit are not answered, until whoever asks gives up. */
  hang(question: RegExp): void
  /** Something is done before the next question that fits is answered. */
  beforehand(question: RegExp, act: () => Promise<unknown>): void
}

interface Content {
  readonly manifests: Map<string, StoredManifest>
  readonly blobs: Map<string, Buffer>
}

export function fakeArtifacts(): FakeArtifacts {
  const contents = new Map<string, Content>()
  const asked: string[] = []
  const traits = { deletes: true, takesArtifacts: true, isPublic: false }
  const faults: { question: RegExp; error: Error; times: number }[] = []
  const silent: RegExp[] = []
  const acts: { question: RegExp; act: () => Promise<unknown> }[] = []
  const contentOf = (name: string): Content => {
    const content = contents.get(name) ?? { manifests: new Map(), blobs: new Map() }
    contents.set(name, content)
    return content
  }
  const ask = async (question: string, signal?: AbortSignal) => {
    asked.push(question)
    await Promise.resolve()
    if (silent.some((one) => one.test(question)))
      await new Promise((resolve) => signal?.addEventListener('abort', resolve))
    const place = acts.findIndex((one) => one.question.test(question))
    if (place >= 0) await acts.splice(place, 1)[0]?.act()
    if (signal?.aborted === true) throw new Error('ended')
    const fault = faults.find((one) => one.times > 0 && one.question.test(question))
    if (fault === undefined) return
    fault.times -= 1
    throw fault.error
  }
  return {
    blobs: (name) => contentOf(name).blobs,
    tags: (name) => [...contentOf(name).manifests.keys()].sort(),
    asked,
    traits,
    fail(question, error, times = Infinity) {
      faults.push({ question, error, times })
    },
    hang(question) {
      silent.push(question)
    },
    beforehand(question, act) {
      acts.push({ question, act })
    },
    open(name) {
      const { manifests, blobs } = contentOf(name)
      return {
        name,
        async fetchManifest(tag, signal) {
          await ask(`manifest get ${tag}`, signal)
          return manifests.get(tag)
        },
        async putManifest(tag, _mediaType, text, signal) {
          await ask(`manifest put ${tag}`, signal)
          const { artifactType, config, layers } = objectOf(JSON.parse(text))
          if (artifactType !== undefined && !traits.takesArtifacts) return false
          for (const one of [config, ...listOf(layers)]) {
            if (!blobs.has(String(objectOf(one)['digest']))) throw new RegistryError('blob unknown', 'Push it.', true)
          }
          manifests.set(tag, { digest: digestOf(Buffer.from(text)), text })
          return true
        },
        async deleteManifest(digest, signal) {
          await ask(`manifest delete ${digest}`, signal)
          if (!traits.deletes) return false
          for (const [tag, manifest] of manifests) if (manifest.digest === digest) manifests.delete(tag)
          return true
        },
        async hasBlob(digest) {
          await ask(`blob head ${digest}`)
          return blobs.has(digest)
        },
        async fetchBlob({ digest }, path, signal) {
          await ask(`blob get ${digest}`, signal)
          const bytes = blobs.get(digest)
          if (bytes !== undefined) writeFileSync(path, bytes, { flag: 'wx' })
          return bytes !== undefined
        },
        async putBlob({ digest }, path, signal) {
          await ask(`blob put ${digest}`, signal)
          blobs.set(digest, readFileSync(path))
        },
        async mountBlob(digest, from) {
          await ask(`blob mount ${digest} from ${from}`)
          const bytes = contentOf(from).blobs.get(digest)
          if (bytes !== undefined) blobs.set(digest, bytes)
          return bytes !== undefined
        },
        async tags(signal) {
          await ask('tags', signal)
          return [...manifests.keys()].sort()
        },
        async isPublic(_tag, signal) {
          await ask('public', signal)
          return traits.isPublic
        },
        requests: () => asked.length,
        close: () => undefined,
      }
    },
  }
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
