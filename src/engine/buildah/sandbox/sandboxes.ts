import { join } from 'node:path'
import { describeInLine, UserError } from '../../../errors.js'
import { info, warn } from '../../../log.js'
import type { EngineRequest } from '../../engines.js'
import type { Emulator } from '../emulation/binfmt.js'
import type { Shown } from './mounts.js'
import { emulatingWithoutSandbox, noSandbox, openSandbox, type Sandbox } from './session.js'
import { exposedBy, shownToBuild } from './shown-to-build.js'
import { rootInSandbox, shownToBuildah, type Tools } from './shown-to-buildah.js'
import { describeTree } from './tree.js'

/** Where Buildah runs. */
export interface Sandboxes {
  /** Absolute path of the storage root, as builds see it. */
  readonly root: string
  /** A new sandbox, for one build. No login is seen in it. */
  forBuild(): Promise<Sandbox>
  /** A new sandbox for a build that speaks to registries by itself. */
  forBuildWithLogin(): Promise<Sandbox>
  /** The one sandbox for everything else, in which no step of a Dockerfile runs. */
  forRegistries(): Promise<Sandbox>
  /** Ends whatever still runs in any of them. */
  close(): Promise<void>
}

/** What is built, and with what. */
interface Asked extends Pick<EngineRequest, 'inputs' | 'source' | 'context' | 'logins'> {
  /** For programs of other processors in the builds. */
  readonly emulators: readonly Emulator[]
}

/**
 * Opens the sandbox of the first build, and so finds out whether there can be one here. Says what it lacks.
 * @throws UserError where there has to be one and can't be
 */
export async function openSandboxes(asked: Asked, tools: Tools): Promise<Sandboxes> {
  const { inputs, source, context, logins, emulators } = asked
  const { folder, root } = tools
  const { buildUser } = folder
  const none = noSandbox(buildUser, tools.buildah)
  const withoutSandbox = async () =>
    emulators.length === 0 ? none : await emulatingWithoutSandbox(folder, tools.buildah, emulators)
  if (inputs.sandbox === 'off' || buildUser.uid === 0) {
    const reason = inputs.sandbox === 'off' ? '`sandbox: off`' : 'Buildah runs as root'
    if (inputs.sandbox === 'require') throw refuse(reason)
    info(`Sandbox: none (${reason})`)
    return outside(root, none, await withoutSandbox())
  }
  const ofBuildah = shownToBuildah(tools)
  const ofBuild = await shownToBuild(inputs, source, context, tools)
  const open = async (shown: readonly Shown[]) =>
    await openSandbox(
      await describeTree([...ofBuildah, ...shown], buildUser),
      folder,
      tools.buildah.launcher,
      emulators,
    )
  // Such a program needs what it finds in the home of the user.
  const [helper] = Object.values(logins.credHelpers)
  const ofLogin = [{ path: join(folder.path, 'auth'), writable: false }]
  // Every build needs both, and they take their time side by side.
  const second = helper === undefined ? open(ofLogin) : Promise.resolve(none)
  const opened = second.catch(() => undefined)
  const first = await open(ofBuild).catch((error: unknown) => {
    const reason = describeInLine(error)
    if (inputs.sandbox === 'require') throw refuse(reason)
    warn(`Buildah runs without a sandbox, because none can be created here: ${reason}`)
    return undefined
  })
  // Whatever is started during a build ends with it.
  const other = await opened
  if (first === undefined) {
    await other?.close()
    return outside(root, none, await withoutSandbox())
  }
  const exposed = await exposedBy(ofBuild, context)
  const flaws = [first.missing, ...exposed.map((place) => `hiding ${place}, which is in what is built`)]
  for (const flaw of flaws) if (flaw !== undefined) info(`Sandbox: without ${flaw}`)
  if (helper !== undefined)
    info(`Sandbox: pulls and pushes run outside it, because they need the credential helper ${helper}`)
  return inside(first, second, { root: rootInSandbox(tools), ofBuild, ofLogin, open })
}

/** What the sandboxes of a step show beside what Buildah itself needs, and what opens one. */
interface Views {
  readonly root: string
  readonly ofBuild: readonly Shown[]
  readonly ofLogin: readonly Shown[]
  readonly open: (shown: readonly Shown[]) => Promise<Sandbox>
}

/** @param forRegistries where registries are spoken to */
function inside(first: Sandbox, forRegistries: Promise<Sandbox>, { root, ofBuild, ofLogin, open }: Views): Sandboxes {
  const opened: Promise<Sandbox>[] = [Promise.resolve(first), forRegistries]
  const opening = (shown: readonly Shown[]) => {
    const sandbox = open(shown)
    opened.push(sandbox)
    return sandbox
  }
  let ready: Sandbox | undefined = first
  return {
    root,
    async forBuild() {
      const next = ready
      ready = undefined
      return next ?? (await opening(ofBuild))
    },
    forBuildWithLogin: () => opening([...ofBuild, ...ofLogin]),
    forRegistries: () => forRegistries,
    async close() {
      await Promise.all(opened.map((one) => one.then((sandbox) => sandbox.close()).catch(() => undefined)))
    },
  }
}

function outside(root: string, none: Sandbox, forBuilds: Sandbox): Sandboxes {
  const build = () => Promise.resolve(forBuilds)
  return {
    root,
    forBuild: build,
    forBuildWithLogin: build,
    forRegistries: () => Promise.resolve(none),
    close: () => none.close(),
  }
}

function refuse(reason: string): UserError {
  return new UserError(
    `Input "sandbox": got "require", and Buildah can't be run in a sandbox here: ${reason}.`,
    'Fix that, or write `sandbox: auto`.',
  )
}
