import { chmod, copyFile, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { UserError } from '../errors.js'
import { CommandError, execute, findProgram, formatCommand, type RunOptions, type RunResult } from '../exec.js'
import { formatReference, type Reference } from '../image/reference.js'
import type { Inputs, Output } from '../inputs.js'
import type { Context } from '../context.js'
import { isPath } from '../source.js'
import { printLive } from '../log.js'
import { type BuildRequest, type Engine, type Image, RegistryError } from './engine.js'
import { hintFor, isPassing } from './hints.js'
import type { Buildah } from './install.js'
import { type Way, wayArgs } from './probe.js'
import { type Folder, storageArgs, writePrivate } from './storage.js'

export interface BuildahSetup {
  readonly buildah: Buildah
  readonly folder: Folder
  readonly way: Way
  readonly context: Context
  /** Paths of private files for this run. */
  readonly files: { readonly auth: string; readonly policy: string | undefined }
  /** Registries that may be spoken to without TLS or with an unknown certificate. */
  readonly insecure: readonly string[]
}

/** Buildah as an engine, with a storage, an auth file and a configuration of its own. */
export function buildahEngine(setup: BuildahSetup): Engine {
  const { buildah, folder, insecure, files } = setup
  const run = (args: readonly string[], options: Partial<RunOptions> = {}) => runBuildah(setup, args, options)
  return {
    name: 'buildah',
    version: buildah.version,
    rootless: folder.account.uid !== 0,

    async login(registry, username, password) {
      await run(loginArgs(registry, username, files.auth, insecure), { input: password.reveal() }).catch(
        (error: unknown) => {
          throw refusal(`Login to ${registry} as ${JSON.stringify(username)} failed`, error)
        },
      )
    },

    async build({ inputs, source, format, references }) {
      const secrets = await writeSecrets(inputs, setup)
      const paths = {
        iid: join(folder.path, 'out/iid'),
        rootfs: join(folder.path, 'out/rootfs.tar'),
        ...files,
        secrets,
      }
      const args = buildArgs({ inputs, source, format, references }, setup, paths)
      await printLive(formatCommand([buildah.path, ...args]), (onOutput) => run(args, { onOutput })).catch(
        (error: unknown) => {
          throw explain('The build failed', error)
        },
      )
      return { id: (await readFile(paths.iid, 'utf8')).trim(), format, references }
    },

    async push(image, reference) {
      const digestFile = join(folder.path, `out/${fileName(reference)}.digest`)
      await run(pushArgs(image, reference, digestFile, setup)).catch((error: unknown) => {
        throw refusal(`Push of ${formatReference(reference)} failed`, error)
      })
      return { reference, digest: (await readFile(digestFile, 'utf8')).trim() }
    },

    async writeOutputs(image, inputs) {
      for (const output of inputs.outputs) await writeOutput(image, output, setup)
    },

    async load(image) {
      await loadImage(image, setup)
    },
  }
}

export interface BuildPaths {
  readonly iid: string
  readonly rootfs: string
  readonly auth: string
  readonly policy: string | undefined
  /** Secret ids and the private files that hold them. */
  readonly secrets: readonly { readonly id: string; readonly path: string }[]
}

/** The arguments of a build, from the global ones to the context folder; pure. */
export function buildArgs(
  request: BuildRequest,
  setup: Pick<BuildahSetup, 'folder' | 'way' | 'context'>,
  paths: BuildPaths,
): string[] {
  const { inputs, source, format, references } = request
  const each = (flag: string, values: readonly string[]) => values.flatMap((value) => [flag, value])
  const pairs = (flag: string, values: readonly { name: string; value: string }[]) =>
    each(
      flag,
      values.map(({ name, value }) => `${name}=${value}`),
    )
  const { workspace } = setup.context
  return [
    ...globalArgs(setup),
    'build',
    // what
    ...['--file', source.file],
    ...(source.target === undefined ? [] : ['--target', source.target]),
    ...each('--build-arg', inputs.buildArgs),
    ...pairs(
      '--build-context',
      inputs.buildContexts.map(({ name, value }) => ({
        name,
        value: isPath(value) ? resolve(workspace, value) : value,
      })),
    ),
    ...each(
      '--secret',
      paths.secrets.map(({ id, path }) => `id=${id},src=${path}`),
    ),
    ...each(
      '--ssh',
      inputs.ssh.map((entry) => absoluteKeys(entry, workspace)),
    ),
    // how
    ...['--layers', '--format', format],
    ...wayArgs(setup.way),
    ...each('--add-host', inputs.addHosts),
    ...(inputs.shmSize === undefined ? [] : ['--shm-size', inputs.shmSize]),
    ...each('--ulimit', inputs.ulimit),
    ...(inputs.pull ? ['--pull-always'] : []),
    ...(inputs.noCache ? ['--no-cache'] : []),
    ...['--authfile', paths.auth],
    ...(paths.policy === undefined ? [] : ['--signature-policy', paths.policy]),
    // the result
    ...pairs('--label', inputs.labels),
    ...pairs('--annotation', inputs.annotations),
    ...each('--tag', references.map(formatReference)),
    ...['--iidfile', paths.iid],
    ...(inputs.outputs.some(isFiles) ? ['--output', `type=tar,dest=${paths.rootfs}`] : []),
    ...inputs.extraArgs,
    source.context,
  ]
}

/** The arguments of a login; the password goes to standard input. Pure. */
export function loginArgs(registry: string, username: string, auth: string, insecure: readonly string[]): string[] {
  return [
    'login',
    '--authfile',
    auth,
    '--username',
    username,
    '--password-stdin',
    ...tlsArgs(registry, insecure),
    registry,
  ]
}

/** The arguments of the push of one reference; pure. */
export function pushArgs(
  image: Image,
  reference: Reference,
  digestFile: string,
  setup: Pick<BuildahSetup, 'folder' | 'way' | 'files' | 'insecure'>,
): string[] {
  return [
    ...globalArgs(setup),
    ...[
      'push',
      '--authfile',
      setup.files.auth,
      '--format',
      image.format === 'oci' ? 'oci' : 'v2s2',
      '--digestfile',
      digestFile,
    ],
    ...tlsArgs(reference.registry, setup.insecure),
    ...(setup.files.policy === undefined ? [] : ['--signature-policy', setup.files.policy]),
    image.id,
    `docker://${formatReference(reference)}`,
  ]
}

function globalArgs({ folder, way }: Pick<BuildahSetup, 'folder' | 'way'>): string[] {
  return storageArgs(folder.path, way.driver, way.fuseOverlayfs)
}

function tlsArgs(registry: string, insecure: readonly string[]): string[] {
  return insecure.includes(registry) ? ['--tls-verify=false'] : []
}

async function runBuildah(
  { buildah, folder }: BuildahSetup,
  args: readonly string[],
  options: Partial<RunOptions>,
): Promise<RunResult> {
  return await execute([...folder.account.prefix, buildah.path, ...args], {
    env: folder.env,
    cwd: folder.path,
    ...options,
  })
}

function explain(what: string, error: unknown): unknown {
  if (!(error instanceof CommandError)) return error
  return new UserError(`${what}.`, hintFor(error.stderr), { cause: error })
}

function refusal(what: string, error: unknown): unknown {
  if (!(error instanceof CommandError)) return error
  return new RegistryError(`${what}.`, hintFor(error.stderr), isPassing(error.stderr), { cause: error })
}

/** Hands the secrets over as files that only the account can read, whatever form the user gave them in. */
async function writeSecrets(inputs: Inputs, { folder, context }: BuildahSetup): Promise<BuildPaths['secrets']> {
  return await Promise.all(
    inputs.secrets.map(async ({ id, source }, index) => {
      const content =
        'value' in source ? source.value.reveal() : await readFile(resolve(context.workspace, source.path))
      return { id, path: await writePrivate(folder, `secrets/${index}`, content) }
    }),
  )
}

/** `id=key,key` with the keys' paths absolute, since Buildah runs in another folder. */
function absoluteKeys(entry: string, workspace: string): string {
  const [id = '', keys] = entry.split(/=(.*)/s)
  return keys === undefined
    ? id
    : `${id}=${keys
        .split(',')
        .map((key) => resolve(workspace, key))
        .join(',')}`
}

function isFiles({ type }: Output): boolean {
  return type === 'local' || type === 'tar'
}

function fileName(reference: Reference): string {
  return formatReference(reference).replaceAll(/[^\w.-]/g, '_')
}

/**
 * Writes one output. Buildah writes into the private folder, as the account; from there the user who runs the step
 * takes it to its place, so that it belongs to that user.
 */
async function writeOutput(image: Image, output: Output, setup: BuildahSetup): Promise<void> {
  const dest = resolve(setup.context.workspace, output.dest)
  const made = join(setup.folder.path, 'out', isFiles(output) ? 'rootfs.tar' : `${output.type}.tar`)
  if (!isFiles(output))
    await exportArchive(image, output.type === 'oci' ? 'oci-archive' : 'docker-archive', made, setup)
  await mkdir(output.type === 'local' ? dest : dirname(dest), { recursive: true })
  if (output.type === 'local') {
    const tar = await findProgram('tar', setup.context.env)
    if (tar === undefined)
      throw new UserError('Input "outputs": type=local needs the program tar.', 'sudo apt-get install tar')
    await execute([tar, '--extract', '--file', made, '--directory', dest, '--no-same-owner'], {
      env: setup.context.env,
    })
  } else {
    await copyFile(made, dest)
    await chmod(dest, 0o644)
  }
}

async function exportArchive(image: Image, transport: string, path: string, setup: BuildahSetup): Promise<void> {
  // An archive that is there already would be added to, or refused.
  await rm(path, { force: true })
  const name = image.references[0]
  const destination = `${transport}:${path}${name === undefined ? '' : `:${formatReference(name)}`}`
  const policy = setup.files.policy === undefined ? [] : ['--signature-policy', setup.files.policy]
  await runBuildah(setup, [...globalArgs(setup), 'push', ...policy, image.id, destination], {})
}

/** By way of an archive: the two storages may belong to different users and be of different drivers. */
async function loadImage(image: Image, setup: BuildahSetup): Promise<void> {
  const { buildah, context, folder } = setup
  const transport = image.format === 'oci' ? 'oci-archive' : 'docker-archive'
  const archive = join(folder.path, 'out/load.tar')
  await exportArchive(image, transport, archive, setup)
  const { stdout } = await execute([buildah.path, 'pull', '--quiet', `${transport}:${archive}`], { env: context.env })
  const id = stdout.trim().split('\n').at(-1) ?? image.id
  await execute([buildah.path, 'tag', id, ...image.references.map(formatReference)], { env: context.env })
  await rename(archive, `${archive}.done`)
  await rm(`${archive}.done`)
}
