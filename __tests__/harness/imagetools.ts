import { join } from 'node:path'

import { run } from './command.js'
import { makeFolder } from './folders.js'
import { provide } from './provide.js'

/** What Buildx shows of an image. */
export interface Predicates {
  readonly SLSA?: object
  readonly SPDX?: object
}

/** An entry of an index. */
export interface IndexManifest {
  readonly mediaType: string
  readonly digest: string
  readonly platform: { readonly os: string; readonly architecture: string; readonly variant?: string }
  readonly annotations?: Readonly<Record<string, string>>
}

/** Why Buildx can't be had here, if it can't; for `testUnless`. */
export function missingBuildx(): string | undefined {
  const buildx = provideBuildx()
  return 'missing' in buildx ? buildx.missing : undefined
}

function provideBuildx() {
  return provide('from-go.sh', 'buildx', '0.38.2')
}

/** What `docker buildx imagetools inspect` reads of an image, such as `.SBOM`; undefined where Buildx can't be had here. */
export async function imagetools(reference: string, field: '.SBOM' | '.Provenance' | '.Manifest'): Promise<unknown> {
  const buildx = provideBuildx()
  if ('missing' in buildx) return undefined
  const config = makeFolder('buildx-config')
  const format = `{{json ${field}}}`
  const printed = await run(
    join(buildx.folder, 'bin/buildx'),
    ['imagetools', 'inspect', '--format', format, reference],
    {
      env: { DOCKER_CONFIG: config, BUILDX_CONFIG: config },
    },
  )
  return JSON.parse(printed.toString())
}

/** The entries of an index. */
export function manifestsOf(index: Buffer): readonly IndexManifest[] {
  return (JSON.parse(index.toString()) as { readonly manifests: readonly IndexManifest[] }).manifests
}
