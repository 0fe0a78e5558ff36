import { mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Platform, platformFolder } from '../../lib/platform.js'
import type { Context } from '../../runner/context.js'
import type { Inputs } from '../../runner/inputs.js'
import type { Output } from '../../runner/output-files.js'
import { forPlatform, isForeign } from '../../runner/platform-inputs.js'
import { joinArchives } from './joined-archives.js'
import type { Wanted } from '../engine.js'
import type { PlatformResult } from '../result.js'

/** The inputs of the build of one of several platforms. @param staging folder for files that are to become one */
export function inputsOf(platform: Platform, inputs: Inputs, staging: string): Inputs {
  const outputs = inputs.outputs.map((output, index): Output => {
    const name = platformFolder(platform)
    return { ...output, dest: output.type === 'local' ? join(output.dest, name) : staged(staging, index, platform) }
  })
  return { ...forPlatform(inputs, platform), outputs, load: inputs.load && !isForeign(platform) }
}

/** Makes one file of those of all platforms, where an output is a file. */
export async function joinOutputs(
  {
    wanted,
    staging,
    platforms,
  }: { readonly wanted: Wanted; readonly staging: string; readonly platforms: readonly PlatformResult[] },
  { workspace, env }: Pick<Context, 'workspace' | 'env'>,
): Promise<void> {
  for (const [index, { type, dest }] of wanted.inputs.outputs.entries()) {
    if (type === 'local') continue
    const path = resolve(workspace, dest)
    await mkdir(dirname(path), { recursive: true })
    const archives = platforms.map(({ platform }) => ({ platform, path: staged(staging, index, platform) }))
    await joinArchives(type === 'oci' ? 'oci' : 'tar', archives, path, { metadata: wanted.metadata, staging, env })
  }
}

function staged(staging: string, index: number, platform: Platform): string {
  return join(staging, `${index}-${platformFolder(platform)}.tar`)
}
