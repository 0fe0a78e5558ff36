import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from '@jest/globals'
import { ownCopies } from '../../../src/dockerfile/dependencies.js'
import { parseReference } from '../../../src/metadata/reference.js'
import type { Registries } from '../../../src/registry/registries.js'
import { type LeftBlobs, listDockerLayers } from '../../../src/up-to-date/docker-layers.js'
import { analysisOf, temporaryFolder } from '../helpers.js'

const DIGEST = `sha256:${'a'.repeat(64)}`
const pushed = [{ reference: parseReference('ghcr.io/acme/web:1'), digest: DIGEST }]
const LINES = [
  'FROM base AS low',
  'COPY a /',
  'FROM other AS beside',
  'COPY x /',
  'FROM low',
  'RUN y',
  'ADD b /',
  'COPY --from=beside /x /',
]
const HISTORY = [
  { created_by: 'COPY of the base image' },
  { created_by: 'COPY a / # buildkit' },
  { created_by: 'ENV A=b', empty_layer: true },
  { created_by: 'RUN y # buildkit' },
  { created_by: 'ADD b / # buildkit' },
  { created_by: 'COPY /x / # buildkit' },
]

const copiesOf = (lines: readonly string[]) => {
  const analysis = analysisOf(lines.join('\n'))
  return ownCopies(analysis, analysis.stages.length - 1)
}

/** The archive of a layer that has one file. */
function layerWith(name: string): Buffer {
  const folder = temporaryFolder()
  writeFileSync(join(folder, name), name)
  return execFileSync('tar', ['--create', '--directory', folder, name])
}

function folderWith(files: Readonly<Record<string, string | Buffer>>): string {
  const root = temporaryFolder()
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  return root
}

const names = ['base', 'a', 'y', 'b', 'x']
const hexOf = (index: number) => String(index).repeat(64)
const env = ['A=b']
const config = JSON.stringify({ history: HISTORY, config: { Env: env } })
/** No question is due. */
const nobody = {} as Registries

/** As `docker save` leaves it: older versions by id, newer ones as an OCI layout. */
const saved = (history = config): LeftBlobs => {
  const layers = names.map((_, index) => `${hexOf(index)}/layer.tar`)
  const root = folderWith({
    'manifest.json': JSON.stringify([{ Config: 'config.json', Layers: layers }]),
    'config.json': history,
    ...Object.fromEntries(names.map((name, index) => [layers[index] ?? '', layerWith(name)])),
  })
  return { root, layout: 'saved-image', isKept: true }
}

/** As Buildx leaves it, with a registry that has the manifest. */
const exported = (): { readonly left: LeftBlobs; readonly registries: Registries } => {
  const files = names.map((name, index) => [`blobs/sha256/${hexOf(index)}`, gzipSync(layerWith(name))] as const)
  const layers = names.map((_, index) => ({ digest: `sha256:${hexOf(index)}` }))
  const bytes = Buffer.from(JSON.stringify({ config: { digest: DIGEST }, layers }))
  const registries = {
    fetchManifest: () => Promise.resolve({ bytes, digest: DIGEST, size: bytes.length, mediaType: '' }),
    fetchBlob: () => Promise.resolve(Buffer.from(config)),
  } as unknown as Registries
  return { left: { root: folderWith(Object.fromEntries(files)), layout: 'oci-layout', isKept: true }, registries }
}

const CANT_LIST = "can't list the files that its steps added"

describe('the layers of an image that Docker has built', () => {
  const expected = [
    { stage: 0, index: 1, entries: [{ path: 'a', kind: 'file', bytes: 1, target: '' }], env },
    { stage: 2, index: 2, entries: [{ path: 'b', kind: 'file', bytes: 1, target: '' }], env },
    { stage: 2, index: 3, entries: [{ path: 'x', kind: 'file', bytes: 1, target: '' }], env },
  ]

  it('are those of the stages that it stands on, from what was saved', async () => {
    expect(await listDockerLayers(saved(), copiesOf(LINES), pushed, nobody)).toStrictEqual(expected)
  })

  it('and from what was exported', async () => {
    const { left, registries } = exported()
    expect(await listDockerLayers(left, copiesOf(LINES), pushed, registries)).toStrictEqual(expected)
  })

  it.each<[what: string, left: () => LeftBlobs, why: string]>([
    ['the builder keeps them', () => ({ ...saved(), isKept: false }), ': the builder keeps them'],
    ['nothing was left', () => ({ ...saved(), root: temporaryFolder() }), ': manifest.json is missing'],
    [
      'other steps were made',
      () => saved(JSON.stringify({ history: HISTORY.map((one) => ({ ...one, created_by: 'COPY a /' })) })),
      ': the image history has other steps than the Dockerfile',
    ],
    [
      'the history is not that of the layers',
      () => saved(JSON.stringify({ history: HISTORY.slice(1) })),
      ": the image history doesn't match its layers",
    ],
    [
      'a path leads out of the folder',
      () => {
        const layers = names.map(() => '../layer.tar')
        const manifest = JSON.stringify([{ Config: 'config.json', Layers: layers }])
        return { ...saved(), root: folderWith({ 'manifest.json': manifest, 'config.json': config }) }
      },
      ': "../layer.tar" is not the path of a layer',
    ],
  ])('are not known where %s', async (_, left, why) => {
    expect(await listDockerLayers(left(), copiesOf(LINES), pushed, nobody)).toStrictEqual({ why: `${CANT_LIST}${why}` })
  })

  it('are never read through a link', async () => {
    const left = saved()
    const layer = join(left.root, hexOf(1), 'layer.tar')
    execFileSync('mv', [layer, `${layer}.elsewhere`])
    symlinkSync(`${layer}.elsewhere`, layer)
    const found = await listDockerLayers(left, copiesOf(LINES), pushed, nobody)
    expect(found).toMatchObject({ why: expect.stringContaining('ELOOP') })
  })
})
