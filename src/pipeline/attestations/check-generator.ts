import type { Engine, KnownEngine } from '../../engine/engine.js'
import { RegistryError, UserError } from '../../errors.js'
import { formatReference } from '../../metadata/reference.js'
import type { SbomOptions } from '../../runner/attestation-inputs.js'
import type { PipelineContext } from '../pipeline-context.js'

/**
 * Makes sure, before the build, that the generator of SBOMs can be pulled after it: it is in the storage, or one of the
 * places where the engine looks for it has it. Like the engine, it asks without a login.
 * @throws UserError
 */
export async function checkGenerator(
  { generator }: Pick<SbomOptions, 'generator'>,
  { resolveNames, imageNames }: Pick<KnownEngine, 'resolveNames'> & Pick<Engine, 'imageNames'>,
  { credentials, context, services }: Pick<PipelineContext, 'credentials' | 'context' | 'services'>,
): Promise<void> {
  const { candidates, insecure } = await resolveNames([generator])
  const named = candidates.get(generator)
  if (named === undefined || 'why' in named) return
  const there = await imageNames()
  if (named.some(({ name }) => there.has(formatReference(name)))) return
  const registries = await services.registries.open({
    ...{ logins: { auths: {}, credHelpers: {} }, own: [], env: context.env },
    insecure: [...credentials.insecure, ...insecure],
  })
  let cause: RegistryError | undefined
  try {
    for (const { reference } of named.flatMap(({ sources }) => sources)) {
      try {
        if ((await registries.resolve(reference)) !== undefined) return
      } catch (error) {
        if (!(error instanceof RegistryError)) throw error
        cause = error
      }
    }
  } finally {
    registries.close()
  }
  const why = cause === undefined ? ', since its registry has none with this name' : ''
  throw new UserError(
    `Input "sbom": the generator ${generator} can't be pulled${why}. Nothing was built.`,
    'Check its name, and that this machine can reach its registry; it is pulled without a login. Or name another image: `sbom: generator=docker/buildkit-syft-scanner:stable-1`.',
    { cause },
  )
}
