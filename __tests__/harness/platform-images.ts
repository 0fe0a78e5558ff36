import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { run } from './command.js'
import { makeFolder } from './folders.js'
import { writeOciLayout } from './oci-layout.js'
import { getManifest, putManifest, type RawManifest, pushLayout, digestOf } from './registry-client.js'

/** Numbers of processors in the headers of ELF programs. */
const MACHINES: Readonly<Record<string, number>> = { amd64: 62, arm64: 183, arm: 40, 386: 3, s390x: 22, riscv64: 243 }

const INDEX = 'application/vnd.oci.image.index.v1+json'

/** The first bytes of a program for such a processor: nothing runs it. */
export function elfHeader(architecture: string): Buffer {
  const machine = MACHINES[architecture]
  if (machine === undefined) throw new Error(`no number for ${architecture}`)
  const isBig = architecture === 's390x'
  const header = Buffer.alloc(64)
  header.set([0x7f, 0x45, 0x4c, 0x46, architecture === 'arm' || architecture === '386' ? 1 : 2, isBig ? 2 : 1, 1])
  if (isBig) header.writeUInt16BE(machine, 18)
  else header.writeUInt16LE(machine, 18)
  return header
}

/**
 * Puts an index into a registry: the image that is there already for the machine's own platform, images of one program for
 * others, and what Buildx adds for no platform.
 * @param own reference of the image for the machine
 * @param others as `linux/arm64`
 */
export async function indexOfPlatforms(own: string, name: string, others: readonly string[]): Promise<string> {
  const images = [{ platform: `linux/${ownArchitecture()}`, manifest: await getManifest(own) }]
  const repository = own.replace(/:[^:/]+$/, '')
  for (const [number, platform] of others.entries()) {
    const reference = `${repository}:part-${number}`
    await pushLayout(await foreignLayout(platform), reference)
    images.push({ platform, manifest: await getManifest(reference) })
  }
  const entries = images.map(({ platform, manifest }) => entryOf(platform, manifest))
  const attestation = entryOf('unknown/unknown', images[0]?.manifest ?? { bytes: Buffer.alloc(0), mediaType: '' })
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [...entries, attestation] }),
  )
  await putManifest(`${repository}:${name}`, { bytes, mediaType: INDEX })
  return `${repository}:${name}`
}

/** Of an index, what it has for each platform. */
export interface IndexOfImages {
  readonly mediaType: string
  readonly manifests: readonly {
    readonly digest: string
    readonly platform: { readonly os: string; readonly architecture: string; readonly variant?: string }
    readonly annotations?: Readonly<Record<string, string>>
  }[]
  readonly annotations?: Readonly<Record<string, string>>
}

export function ownArchitecture(): string {
  return { x64: 'amd64', arm64: 'arm64' }[process.arch as string] ?? process.arch
}

function entryOf(platform: string, { bytes, mediaType }: RawManifest) {
  const [os, architecture, variant] = platform.split('/')
  return { mediaType, digest: digestOf(bytes), size: bytes.length, platform: { os, architecture, variant } }
}

async function foreignLayout(platform: string): Promise<string> {
  const [, architecture = '', variant] = platform.split('/')
  const folder = makeFolder('foreign')
  const [files, archive, layout] = [join(folder, 'files'), join(folder, 'layer.tar'), join(folder, 'layout')]
  mkdirSync(join(files, 'bin'), { recursive: true })
  mkdirSync(layout)
  writeFileSync(join(files, 'bin/busybox'), elfHeader(architecture), { mode: 0o755 })
  await run('tar', ['--create', '--file', archive, '--directory', files, '--owner=0', '--group=0', 'bin'])
  await writeOciLayout(layout, archive, { Env: ['PATH=/bin'], Cmd: ['/bin/busybox'] }, { architecture, variant })
  return layout
}

/** The processor that a program is for, by its header. */
export function machineOf(program: Buffer): string | undefined {
  const isElf = program.subarray(1, 4).toString() === 'ELF'
  const machine = isElf ? (program[5] === 2 ? program.readUInt16BE(18) : program.readUInt16LE(18)) : undefined
  return Object.entries(MACHINES).find(([, number]) => number === machine)?.[0]
}

/** An index as an archive or a registry has it. */
export function readIndex(bytes: Buffer): IndexOfImages {
  return JSON.parse(bytes.toString()) as IndexOfImages
}
