import { createHash } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import type { Manifest } from '../../../src/registry/manifest.js'
import { relabel, type Relabelled, type Sayings } from '../../../src/up-to-date/relabel.js'

const OCI = 'application/vnd.oci.image.manifest.v1+json'
const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json'
const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json'
const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json'
const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const created = '2026-11-24T12:00:00Z'

const image = {
  created,
  architecture: 'amd64',
  config: { Env: ['A=1'], Labels: { version: 'main', 'of.the.base': 'x' }, Cmd: ['/bin/sh'] },
  rootfs: { type: 'layers', diff_ids: ['sha256:1'] },
  history: [{ created, created_by: '/bin/sh -c #(nop) COPY . .' }],
  strange: { kept: true },
}
const config = Buffer.from(JSON.stringify(image))
const layers = [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: 'sha256:1', size: 7 }]

function manifestOf(changes: object = {}, mediaType = OCI): Manifest {
  const descriptor = { mediaType: OCI_CONFIG, digest: digestOf(config), size: config.length, data: 'e30=' }
  const value = { schemaVersion: 2, mediaType, config: descriptor, layers, annotations: { old: '1' }, ...changes }
  const bytes = Buffer.from(JSON.stringify(value))
  return { bytes, digest: digestOf(bytes), mediaType, size: bytes.length }
}

const sayings: Sayings = {
  labels: [
    { name: 'version', value: '1.2.3 "x"\n' },
    { name: 'a', value: '' },
  ],
  annotations: [{ name: 'version', value: '1.2.3' }],
}

function made(manifest: Manifest, bytes: Buffer = config, said = sayings): Relabelled {
  const result = relabel(manifest, bytes, said)
  if ('why' in result) throw new Error(result.why)
  return result
}
const read = ({ bytes }: { readonly bytes: Buffer }) => JSON.parse(bytes.toString()) as Record<string, unknown>

describe('an image with other labels', () => {
  it('has them in its configuration, and all else as it was', () => {
    const { config: changed } = made(manifestOf())
    expect(changed.digest).toBe(digestOf(changed.bytes))
    const created_by = String.raw`LABEL "version"="1.2.3 \"x\"\n" "a"=""`
    expect(read(changed)).toStrictEqual({
      ...image,
      config: { ...image.config, Labels: { a: '', 'of.the.base': 'x', version: '1.2.3 "x"\n' } },
      history: [
        ...image.history,
        { created, created_by, comment: 'relabelled by rootless-image-build', empty_layer: true },
      ],
    })
  })

  it('has the same layers, and annotations beside those that it had', () => {
    const { config: changed, manifest } = made(manifestOf())
    expect(manifest).toMatchObject({ digest: digestOf(manifest.bytes), mediaType: OCI, size: manifest.bytes.length })
    expect(read(manifest)).toStrictEqual({
      schemaVersion: 2,
      mediaType: OCI,
      config: { mediaType: OCI_CONFIG, digest: changed.digest, size: changed.bytes.length },
      layers,
      annotations: { old: '1', version: '1.2.3' },
    })
  })

  it('of Docker’s format has them twice, and no annotations', () => {
    const both = { ...image, container_config: { Labels: null, Image: 'x' } }
    const descriptor = { mediaType: DOCKER_CONFIG, digest: 'sha256:0', size: 1 }
    const docker = manifestOf({ config: descriptor, annotations: undefined }, DOCKER)
    const result = made(docker, Buffer.from(JSON.stringify(both)))
    const { config, container_config } = read(result.config) as typeof both
    expect(config.Labels.version).toBe('1.2.3 "x"\n')
    expect(container_config).toStrictEqual({ Labels: { a: '', version: '1.2.3 "x"\n' }, Image: 'x' })
    expect(read(result.manifest)).not.toHaveProperty('annotations')
    expect(result.manifest.mediaType).toBe(DOCKER)
  })

  it('is the same whenever it is made, and however often', () => {
    const once = made(manifestOf())
    expect(made(manifestOf())).toStrictEqual(once)
    const other = made(manifestOf(), config, {
      ...sayings,
      labels: sayings.labels.map((one) => ({ ...one, value: 'y' })),
    })
    expect(other).not.toStrictEqual(once)
    const twice = made(other.manifest, other.config.bytes)
    expect(twice.config.digest).toBe(once.config.digest)
    expect(twice.manifest.digest).toBe(once.manifest.digest)
  })

  it.each<[what: string, manifest: Manifest, bytes: string, why: string]>([
    ['an index', manifestOf({}, 'application/vnd.oci.image.index.v1+json'), '', 'of a single image'],
    [
      'an artifact',
      manifestOf({ config: { mediaType: 'application/vnd.oci.empty.v1+json' } }),
      '',
      'of a single image',
    ],
    ['OCI with Docker’s', manifestOf({ config: { mediaType: DOCKER_CONFIG } }), '', 'of a single image'],
    ['no configuration', manifestOf({ config: undefined }), '', 'of a single image'],
    ['no history', manifestOf(), '{"config":{}}', "can't hold labels"],
    ['no settings', manifestOf(), '{"history":[]}', "can't hold labels"],
    ['no JSON', manifestOf(), 'x', "can't hold labels"],
  ])('isn’t made of %s', (_, manifest, bytes, why) => {
    expect(relabel(manifest, Buffer.from(bytes), sayings)).toStrictEqual({ why: expect.stringContaining(why) })
  })
})
