import type { Pushed } from '../../engine/engine.js'
import { describeInLine, UserError } from '../../errors.js'
import { info, result } from '../../log.js'
import { formatReference, type Reference, repositoryOf } from '../../metadata/reference.js'
import type { Inputs } from '../../runner/inputs.js'
import { type Predicate, provenanceOf } from '../../signing/statement.js'
import { attachBundle } from './attach-bundle.js'
import type { Surroundings } from '../pipeline-context.js'
import { readSboms } from './pushed-sboms.js'
import type { Result } from '../result.js'
import { openSite, type SigningSite } from './signing-site.js'

/** One manifest or index, wherever it was pushed to. */
interface PushedImage {
  readonly digest: string
  /** Without tags. */
  readonly repositories: readonly Reference[]
}

/**
 * Signs where the pushed image comes from, and its SBOMs where it has any; stores that with GitHub, and beside the image.
 * @returns the commands by which anybody verifies it
 * @throws UserError that says what was pushed
 */
export async function signPushed(
  { pushed, builtEarlier }: Pick<Result, 'pushed' | 'builtEarlier'>,
  inputs: Pick<Inputs, 'attest' | 'githubToken'>,
  there: Surroundings,
): Promise<string[]> {
  if (pushed.length === 0) {
    info('Attest: nothing is attested, since this step has put no tag; the step that puts the tags attests the image')
    return []
  }
  const commands: string[] = []
  let images = imagesOf(pushed)
  try {
    const site = await openSite(inputs, there)
    try {
      for (const image of images) {
        await attest(image, { ...inputs, isNew: builtEarlier === undefined }, site)
        images = images.filter((other) => other !== image)
        commands.push(commandFor(image, site))
      }
    } finally {
      site.close()
    }
  } catch (error) {
    throw unattested(error, images)
  }
  return commands
}

interface Wish extends Pick<Inputs, 'attest'> {
  /** Whether nobody can have attested it yet. */
  readonly isNew: boolean
}

async function attest(image: PushedImage, wish: Wish, site: SigningSite): Promise<void> {
  const { digest, repositories } = image
  // Its provenance is the run that has built it.
  if (!wish.isNew && (await site.isAttested(digest))) {
    info(`Attest: ${digest} was attested by an earlier run`)
    return
  }
  await attestAs(image, provenanceOf(site.claims, site.server), wish, site)
  const [first] = repositories
  if (first === undefined) return
  for (const { platformDigest, ...sbom } of await readSboms({ ...first, digest }, site.registries))
    await attestAs({ ...image, platformDigest }, sbom, wish, site)
}

/** @param image with the digest of the platform, where a statement is about one */
async function attestAs(
  { digest, repositories, platformDigest }: PushedImage & { readonly platformDigest?: string },
  predicate: Predicate,
  wish: Wish,
  site: SigningSite,
): Promise<void> {
  const digests = [...new Set([digest, platformDigest ?? digest])]
  const names = repositories.map(formatReference)
  const subjects = digests.flatMap((one) => names.map((name) => ({ name, digest: one })))
  const what = `the ${predicate.title} of ${digest}`
  const { url, bundle } = await site.attest(what, subjects, predicate)
  result(`Attested ${what}: ${url}`)
  const place = { registries: site.registries, isForced: wish.attest === 'registry' }
  for (const repository of repositories) await attachBundle({ ...repository, digest }, bundle, predicate, place)
}

function imagesOf(pushed: readonly Pushed[]): PushedImage[] {
  const digests = [...new Set(pushed.map(({ digest }) => digest))]
  return digests.map((digest) => {
    const same = pushed.filter((one) => one.digest === digest).map(({ reference }) => repositoryOf(reference))
    return { digest, repositories: [...new Map(same.map((one) => [formatReference(one), one])).values()] }
  })
}

function namesOf({ digest, repositories }: PushedImage): string[] {
  return repositories.map((repository) => formatReference({ ...repository, digest }))
}

function commandFor(image: PushedImage, { server, claims }: SigningSite): string {
  const { hostname } = new URL(server)
  const host = hostname === 'github.com' ? '' : ` --hostname ${hostname}`
  return `gh attestation verify oci://${namesOf(image)[0] ?? ''} --repo ${claims.repository}${host}`
}

/** What is there without a word on it must be known. */
function unattested(error: unknown, images: readonly PushedImage[]): UserError {
  const cause =
    error instanceof UserError ? error : new UserError(`Input "attest": ${describeInLine(error)}`, 'Run the job again.')
  const names = images.flatMap(namesOf).join(', ')
  return new UserError(`Input "attest": pushed, but not attested: ${names}.`, cause.hint, { cause })
}
