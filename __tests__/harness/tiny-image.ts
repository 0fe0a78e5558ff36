import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { run } from './command.js'
import { makeFolder } from './folders.js'
import { writeOciLayout } from './oci-layout.js'
import type { Login } from './registry.js'

/** An image of one small layer, as a registry has it after `push`. */
export interface TinyImage {
  readonly manifest: {
    readonly bytes: Buffer
    readonly digest: string
    readonly mediaType: string
    readonly size: number
  }
  /** Digests of its configuration and its layer. */
  readonly blobs: readonly string[]
  /** @param name repository and tag, `acme/web:1` */
  push(host: string, name: string, login?: Login): Promise<void>
}

/** Makes an image of one file with this content. It can't run. */
export async function tinyImage(content: string): Promise<TinyImage> {
  const [folder, files] = [makeFolder('tiny'), makeFolder('tiny-files')]
  writeFileSync(join(files, 'content'), content)
  const tar = join(folder, 'layer.tar')
  await run('tar', ['--create', '--file', tar, '--directory', files, '--owner=0', '--group=0', 'content'])
  const layout = join(folder, 'layout')
  mkdirSync(layout)
  await writeOciLayout(layout, tar, { Env: [], Cmd: [] })
  const read = (digest: string) => readFileSync(join(layout, 'blobs', digest.replace(':', '/')))
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as Index
  const [digest = ''] = index.manifests.map((entry) => entry.digest)
  const bytes = read(digest)
  const { config, layers, mediaType } = JSON.parse(bytes.toString()) as ImageManifest
  return {
    manifest: { bytes, digest, mediaType, size: bytes.length },
    blobs: [config, ...layers].map((blob) => blob.digest),
    async push(host, name, login) {
      const creds = login === undefined ? [] : ['--dest-creds', `${login.username}:${login.password}`]
      await run('skopeo', [
        'copy',
        '--quiet',
        '--dest-tls-verify=false',
        ...creds,
        `oci:${layout}`,
        `docker://${host}/${name}`,
      ])
    },
  }
}

export const sha256 = (bytes: Buffer | string) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

interface Index {
  readonly manifests: readonly { readonly digest: string }[]
}

interface ImageManifest {
  readonly mediaType: string
  readonly config: { readonly digest: string }
  readonly layers: readonly { readonly digest: string }[]
}
