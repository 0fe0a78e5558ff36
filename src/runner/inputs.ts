import { isIP } from 'node:net'
import { getInput, setSecret } from '@actions/core'
import validRange from 'semver/ranges/valid.js'
import { shmSize, ulimit } from './amounts.js'
import { readBuildArguments } from './build-arguments.js'
import { type BuildSecret, readSecrets, readToken } from './secret-inputs.js'
import { type CacheOptions, readCacheOptions } from './cache-inputs.js'
import {
  boolean,
  choice,
  type InputReader,
  lines,
  list,
  type Pair,
  pairs,
  refuse,
  withPassword,
} from './input-parsers.js'
import { extraArguments } from './extra-arguments.js'
import { UserError } from '../errors.js'
import type { Env } from '../exec.js'
import { Secret, textsToMask } from '../lib/secret.js'
import { hasPassword, passwordsIn } from '../lib/url-logins.js'

export interface Output {
  readonly type: 'oci' | 'docker' | 'local' | 'tar'
  /** Relative to the workspace or absolute. */
  readonly dest: string
}

/** Every input of the step, parsed and checked for itself; nothing here has looked at the disk yet. */
export interface Inputs {
  readonly context: string
  readonly file: string | undefined
  readonly target: string | undefined
  /** `NAME=value`, or `NAME` to take the value from the environment. */
  readonly buildArgs: readonly string[]
  readonly buildContexts: readonly Pair[]
  readonly secrets: readonly BuildSecret[]
  readonly ssh: readonly string[]
  /** For Git contexts on the server that the run is of. */
  readonly githubToken: Secret | undefined
  readonly network: 'default' | 'none' | 'host'
  readonly addHosts: readonly string[]
  readonly shmSize: string | undefined
  readonly ulimit: readonly string[]
  readonly pull: boolean
  readonly noCache: boolean
  /** `name=value`, a value of any characters; what is not given is not among them. */
  readonly labels: readonly string[]
  readonly annotations: readonly string[]
  readonly format: 'auto' | 'oci' | 'docker'
  readonly extraArgs: readonly string[]
  /** Lines as docker/metadata-action has them; their grammar is that of names. */
  readonly images: readonly string[]
  readonly tags: readonly string[]
  readonly flavor: readonly string[]
  readonly dryRun: boolean
  readonly push: boolean
  readonly registry: string | undefined
  readonly login: { readonly username: string; readonly password: Secret } | undefined
  readonly tlsVerify: boolean
  readonly load: boolean
  readonly outputs: readonly Output[]
  readonly engine: 'auto' | 'buildah' | 'docker'
  /** A range, or `bundled`: the action's own. */
  readonly buildahVersion: string | undefined
  readonly buildahManifest: string | undefined
  readonly storageDriver: 'auto' | 'overlay' | 'fuse-overlayfs' | 'vfs'
  readonly isolation: 'auto' | 'oci' | 'rootless' | 'chroot'
  readonly sandbox: 'auto' | 'require' | 'off'
  readonly rootless: 'prefer' | 'require' | 'off'
  readonly rootlessUser: string | undefined
  readonly cache: CacheOptions
  readonly unchanged: 'skip' | 'build'
  readonly summary: boolean
  /** Sentences on what of the inputs has no effect, and why. */
  readonly notes: readonly string[]
  /** The same, of what somebody may miss. */
  readonly warnings: readonly string[]
}

const NO_PASSWORD =
  'Login: none, since "password" is empty, as secrets are in runs for pull requests from forks; nothing is pushed, so that only base images may need one'

/** Reads the inputs of the step, and has the runner mask the secret ones in the log. */
export function readInputs(env: Env): Inputs {
  const read: InputReader = (name) => {
    const text = getInput(name, { trimWhitespace: false })
    // An error, or a command line in the log, may show the input.
    for (const password of passwordsIn(text)) mask(new Secret(password))
    return text
  }
  const inputs = parseInputs(read, env)
  const { secrets, login, githubToken } = inputs
  const values = secrets.flatMap(({ source }) => ('value' in source ? [source.value] : []))
  for (const secret of [...values, login?.password, githubToken]) if (secret !== undefined) mask(secret)
  return inputs
}

/**
 * Turns the texts of the inputs into one value.
 * @param env the environment that `secret-envs` names variables of
 * @throws UserError for the first input that doesn't fit: its name, what it got, what is allowed.
 */
export function parseInputs(read: InputReader, env: Env): Inputs {
  const text = (name: string) => read(name).trim() || undefined
  const push = boolean(read, 'push', false)
  const [username, password] = [text('username'), text('password')]
  const { secrets, warnings } = readSecrets(read, env)
  const args = readBuildArguments(read, env)
  const isIdle = !push && username !== undefined && password === undefined
  return {
    context: withoutPassword('context', text('context') ?? '.'),
    file: text('file'),
    target: text('target'),
    buildArgs: args.given,
    buildContexts: buildContexts(read),
    secrets,
    ssh: joinKeys(list(read, 'ssh', { commas: true })),
    githubToken: readToken(read),
    network: choice(read, 'network', ['default', 'none', 'host']),
    addHosts: list(read, 'add-hosts', { commas: true }).map((line) => addHost(line)),
    shmSize: shmSize(text('shm-size')),
    ulimit: list(read, 'ulimit', { commas: false }).map((line) => ulimit(line)),
    pull: boolean(read, 'pull', false),
    noCache: boolean(read, 'no-cache', false),
    labels: list(read, 'labels', { commas: false }),
    annotations: list(read, 'annotations', { commas: false }),
    format: choice(read, 'format', ['auto', 'oci', 'docker']),
    extraArgs: extraArguments(read),
    images: lines(read('images')),
    tags: lines(read('tags')),
    flavor: lines(read('flavor')),
    dryRun: boolean(read, 'dry-run', false),
    push,
    registry: text('registry'),
    login: isIdle ? undefined : login(username, password),
    tlsVerify: boolean(read, 'tls-verify', true),
    load: boolean(read, 'load', false),
    outputs: differentFiles(lines(read('outputs')).map((line) => output(line))),
    engine: choice(read, 'engine', ['auto', 'buildah', 'docker']),
    buildahVersion: buildahVersion(text('buildah-version')),
    buildahManifest: text('buildah-manifest'),
    storageDriver: choice(read, 'storage-driver', ['auto', 'overlay', 'fuse-overlayfs', 'vfs']),
    isolation: choice(read, 'isolation', ['auto', 'oci', 'rootless', 'chroot']),
    sandbox: choice(read, 'sandbox', ['auto', 'require', 'off']),
    rootless: choice(read, 'rootless', ['prefer', 'require', 'off']),
    rootlessUser: text('rootless-user'),
    cache: readCacheOptions(read),
    unchanged: choice(read, 'unchanged', ['skip', 'build']),
    summary: boolean(read, 'summary', true),
    notes: [...args.notes, ...(isIdle ? [NO_PASSWORD] : [])],
    warnings,
  }
}

/** Nothing that a later error shows may have a password in it, nor what a program gets as an argument. */
function withoutPassword(name: string, value: string): string {
  if (hasPassword(value)) throw withPassword(name)
  return value
}

function buildContexts(read: InputReader): readonly Pair[] {
  const name = 'build-contexts'
  const given = list(read, name, { commas: false })
  for (const line of given) withoutPassword(name, line.slice(line.indexOf('=') + 1).trim())
  return pairs(read, name)
}

function addHost(line: string): string {
  const [, host, written = ''] = /^([\w.-]+)[:=](.+)$/.exec(line) ?? []
  const address = written.replace(/^\[(.*)\]$/, '$1')
  if (host !== undefined && (isIP(address) !== 0 || address === 'host-gateway')) return `${host}:${address}`
  throw refuse('add-hosts', line, 'Write one name:address a line, the address an IP address or host-gateway.')
}

/** `id=key,key` is one entry, though commas are between entries, too: a path alone belongs to the entry before it. */
function joinKeys(entries: readonly string[]): string[] {
  const joined: string[] = []
  for (const entry of entries) {
    const before = joined.at(-1)
    if (before?.includes('=') === true && entry.includes('/') && !entry.includes('='))
      joined[joined.length - 1] = `${before},${entry}`
    else joined.push(entry)
  }
  return joined
}

function buildahVersion(got: string | undefined): string | undefined {
  if (got === undefined || got === 'auto') return undefined
  if (got === 'bundled' || validRange(got) !== null) return got
  throw refuse(
    'buildah-version',
    got,
    'Write `auto`, `bundled`, or a range as semver does: `>=1.37`, `1.42.x`, `1.43.2`.',
  )
}

function login(username: string | undefined, password: string | undefined): Inputs['login'] {
  if (username === undefined && password === undefined) return undefined
  if (username === undefined) {
    throw new UserError(
      'Input "username" is missing: "password" is set.',
      'Write `username: ${{ vars.REGISTRY_USERNAME }}`.',
    )
  }
  if (password === undefined) {
    throw new UserError(
      `Input "password" is missing or empty: "username" is ${JSON.stringify(username)}.`,
      'Write `password: ${{ secrets.REGISTRY_TOKEN }}`. Secrets are empty in runs for pull requests from forks.',
    )
  }
  return { username, password: new Secret(password) }
}

function output(line: string): Output {
  const attributes = line.includes('=') ? line.split(',') : ['type=local', `dest=${line}`]
  const values = new Map(
    attributes.map((part) => [part.split('=', 1)[0]?.trim(), part.slice(part.indexOf('=') + 1).trim()]),
  )
  const type = (['oci', 'docker', 'local', 'tar'] as const).find((known) => known === values.get('type'))
  const dest = values.get('dest')
  const unknown = [...values.keys()].some((key) => key !== 'type' && key !== 'dest')
  const twice = values.size < attributes.length
  if (type === undefined || dest === undefined || dest === '' || dest === '-' || unknown || twice) {
    throw refuse(
      'outputs',
      line,
      'Write type=oci,dest=FILE, type=docker,dest=FILE, type=local,dest=FOLDER or type=tar,dest=FILE; nothing else is known here.',
      'To push the image, write `push: true`; to keep it in the local storage, `load: true`.',
    )
  }
  return { type, dest }
}

function differentFiles(outputs: readonly Output[]): readonly Output[] {
  const twice = outputs.find(({ dest }, index) => outputs.findIndex((other) => other.dest === dest) < index)
  if (twice !== undefined) throw refuse('outputs', twice.dest, 'Two outputs have this destination; give each its own.')
  return outputs
}

function mask(secret: Secret): void {
  for (const text of textsToMask(secret)) setSecret(text)
}
