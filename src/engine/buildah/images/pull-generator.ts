import { UserError } from '../../../errors.js'
import { objectOf, parseObject, textsOf } from '../../../lib/json.js'
import { writePrivate } from '../../work-dir.js'
import { runBuildah } from '../command.js'
import { inspectAllArgs } from '../registries/registry-args.js'
import type { BuildahSetup } from '../setup.js'
import { pullOne } from './pulls.js'
import type { GeneratorConfig } from './scan-dockerfile.js'

/** Pulls a generator of SBOMs, for this machine and without a login. @throws UserError */
export async function pullGenerator(name: string, setup: BuildahSetup): Promise<GeneratorConfig> {
  const auth = await writePrivate(setup.folder, 'auth/none.json', '{}')
  const withoutLogin = { ...setup, files: { ...setup.files, auth } }
  await pullOne({ name, platform: undefined }, false, withoutLogin).catch((error: unknown) => {
    throw new UserError(
      `Input "sbom": the generator ${name} could not be pulled. Nothing was pushed.`,
      'It is pulled without a login. Check that this machine can reach its registry, or name an image that can be pulled from here: `sbom: generator=ghcr.io/acme/buildkit-syft-scanner:stable-1`.',
      { cause: error },
    )
  })
  const { stdout } = await runBuildah(setup, inspectAllArgs(name, setup), {})
  const { config } = parseObject(String(parseObject(stdout)['Config']))
  const { Entrypoint: entrypoint, Cmd: command, WorkingDir: folder } = objectOf(config)
  const words = [...textsOf(entrypoint), ...textsOf(command)]
  if (words.length > 0) return { words, folder: typeof folder === 'string' && folder !== '' ? folder : '/' }
  throw new UserError(
    `Input "sbom": the generator ${name} has no ENTRYPOINT or CMD. Nothing was pushed.`,
    'Name an image that follows the SBOM protocol of BuildKit: `sbom: generator=docker/buildkit-syft-scanner:stable-1`.',
  )
}
