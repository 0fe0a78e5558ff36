import lt from 'semver/functions/lt.js'
import { mountOptions } from '../../../dockerfile/mounts.js'
import { type Dockerfile, type Instruction, stepsOf } from '../../../dockerfile/dockerfile.js'
import { UserError } from '../../../errors.js'
import { quote } from '../../../lib/quote.js'
import type { Inputs } from '../../../runner/inputs.js'
import { info, warn } from '../../../log.js'

const HINT = 'Use a newer Buildah, or an OCI runtime (crun or runc) for the isolation.'
/** From this release on, chroot isolation is one by pivot_root(2), which a step can't undo. */
const HOLDS_IN_CHROOT_SINCE = '1.39.0'
/** CVE-2024-1753: what a bind mount shows of a stage may be a link out of it. */
const HOLDS_BIND_MOUNTS_SINCE = '1.35.1'
/** CVE-2024-9675: the ID of a cache mount may be a path out of the folder of cache mounts. */
const HOLDS_CACHE_MOUNTS_SINCE = '1.38.0'

/**
 * The known hole by which a step of this Dockerfile may leave its isolation and see what Buildah sees, as the end of a
 * sentence; undefined where none is known. Pure.
 */
export function knownHole(
  dockerfile: Dockerfile,
  { version, isolation }: { readonly version: string; readonly isolation: string },
): string | undefined {
  const steps = stepsOf(dockerfile).filter(({ keyword }) => keyword === 'RUN' || keyword === 'ONBUILD')
  if (steps.length > 0 && isolation === 'chroot' && lt(version, HOLDS_IN_CHROOT_SINCE))
    return `RUN steps can leave the chroot isolation of Buildah below ${HOLDS_IN_CHROOT_SINCE}`
  const bound = mountsIn(steps).find(({ options }) => (options.get('type') ?? 'bind') === 'bind' && options.has('from'))
  if (bound !== undefined && lt(version, HOLDS_BIND_MOUNTS_SINCE))
    return `bind mounts of another stage (line ${bound.line}) can lead out of it with Buildah below ${HOLDS_BIND_MOUNTS_SINCE}`
  return undefined
}

/**
 * Makes sure that no cache mount is named by a path that leads out of their folder, where Buildah would follow it. Pure.
 * @throws UserError that names the line
 */
export function refuseCacheMountsOutside(dockerfile: Dockerfile, version: string): void {
  if (!lt(version, HOLDS_CACHE_MOUNTS_SINCE)) return
  const steps = stepsOf(dockerfile)
  const found = mountsIn(steps).find(({ options }) => mayBeCache(options) && leadsOut(nameOf(options)))
  if (found === undefined) return
  throw new UserError(
    `Dockerfile line ${found.line}: --mount=${quote(found.text)} names its cache ${quote(nameOf(found.options))}, and Buildah ${version} treats that as a path, which can lead out of the cache folder (CVE-2024-9675).`,
    'Write the ID without `..` and without variables, or use Buildah 1.38 or later.',
  )
}

function mayBeCache(options: ReadonlyMap<string, string>): boolean {
  return /^cache$|[$"'\\]/.test(options.get('type') ?? '')
}

/** A cache without an ID is known by the place that it is mounted at. */
function nameOf(options: ReadonlyMap<string, string>): string {
  return ['id', 'target', 'dst', 'destination'].map((name) => options.get(name)).find(Boolean) ?? ''
}

function leadsOut(name: string): boolean {
  return /[$"'\\]|(^|\/)\.\.(\/|$)/.test(name)
}

interface Mount {
  readonly line: number
  readonly text: string
  readonly options: ReadonlyMap<string, string>
}

function mountsIn(steps: readonly Instruction[]): Mount[] {
  return steps.flatMap(({ line, flags, keyword, argument }) => {
    // The flags of what ONBUILD puts off are in its argument.
    const late = keyword === 'ONBUILD' ? [...argument.matchAll(/--mount=(\S+)/g)].map(([, value = '']) => value) : []
    const own = flags.filter(({ name }) => name === 'mount').map(({ value }) => value)
    return [...own, ...late].map((text) => ({ line, text, options: mountOptions(text) }))
  })
}

/**
 * Says that a step could get at the secrets of the build, where it could.
 * @param hole of `knownHole`
 * @throws UserError where that isn't to be
 */
export function checkSecrets(
  { secrets, ssh, sandbox }: Pick<Inputs, 'secrets' | 'ssh' | 'sandbox'>,
  hole: string | undefined,
): void {
  if (hole === undefined || (secrets.length === 0 && ssh.length === 0)) return
  const given = [...(secrets.length > 0 ? ['secrets'] : []), ...(ssh.length > 0 ? ['SSH keys'] : [])].join(' and ')
  if (sandbox === 'require')
    throw new UserError(
      `Input "sandbox": got "require", and the ${given} of this build can't be hidden from its other steps: ${hole}.`,
      HINT,
    )
  warn(`Any step of this build can read its ${given}: ${hole}. ${HINT}`)
}

/**
 * Says that the steps of a build could get at the logins, since it pulls an image by itself.
 * @param images of which two have one name
 * @throws UserError where that isn't to be
 */
export function checkLogins({ sandbox }: Pick<Inputs, 'sandbox'>, images: readonly { readonly name: string }[]): void {
  const names = images.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) < index) ?? ''
  if (sandbox === 'require')
    throw new UserError(
      `Input "sandbox": got "require", and the logins of this step can't be hidden from this build: it needs ${quote(twice)} for two platforms, and so has to pull it by itself.`,
      'In one of its FROM lines, name the image of the platform by its digest: `FROM --platform=linux/arm64 image@sha256:…`. Or write `sandbox: auto`.',
    )
  info('Sandbox: the build can read the logins, because it needs one image for two platforms')
}
