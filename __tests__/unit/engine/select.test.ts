import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'

import { parseDockerfile } from '../../../src/dockerfile/dockerfile.js'
import type { FoundEngine } from '../../../src/engine/engine.js'
import { engines } from '../../../src/engine/select.js'
import { makeWorkDir } from '../../../src/engine/work-dir.js'
import { describe as describeError, RuledOut, UserError } from '../../../src/errors.js'
import { parseReference } from '../../../src/metadata/reference.js'
import { contextOf, inputsOf, logOf, temporaryFolder } from '../helpers.js'

const text = 'FROM scratch\n'
const noBuildah: UserError = new UserError('The program newuidmap is missing.', 'sudo apt-get install uidmap')

/** What `docker` does, as a shell script: a daemon of Docker 28.2.2, which runs as root, and its own builder. */
const usual = [
  `case "$*" in`,
  `info*) echo '{"ServerVersion":"28.2.2","ClientInfo":{}}' ;;`,
  `"buildx version") echo 'github.com/docker/buildx v0.38.2 x' ;;`,
  `*) printf 'Driver: docker\\nBuildKit version: v0.23.0\\n' ;;`,
  'esac',
].join('\n')
const withoutBuildx = `case $1 in info) echo '{"ServerVersion":"28.2.2","ClientInfo":{}}' ;; *) exit 1 ;; esac`
const withoutDaemon = `case $1 in info) echo 'Cannot connect' >&2; exit 1 ;; *) echo 'github.com/docker/buildx v0.38.2 x' ;; esac`

/** Looks for an engine on a machine on which Buildah can't build. */
async function find(values: Readonly<Record<string, string>>, docker = usual, reason = noBuildah) {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'Dockerfile'), text)
  writeFileSync(join(folder, 'docker'), `#!/bin/sh\n${docker}\n`, { mode: 0o755 })
  const env = { PATH: `${folder}:/usr/bin:/bin` }
  const context = contextOf({ workspace: folder, temp: folder, home: folder, env })
  const [uid = 0, gid = 0] = [process.getuid?.(), process.getgid?.()]
  const me = { name: 'me', uid, gid, home: folder, prefix: [], reason: 'the user who runs the step' }
  const request = {
    inputs: inputsOf(values),
    source: { context: folder, file: join(folder, 'Dockerfile'), dockerfile: parseDockerfile(text), target: undefined },
    context,
    folder: await makeWorkDir({ ...me, buildahUnavailable: reason }, context),
    logins: { auths: {}, credHelpers: {} },
    insecure: [],
    references: [],
    labels: [],
  }
  let [found, error]: [FoundEngine | undefined, string] = [undefined, '']
  const log = await logOf(async () => {
    await engines
      .find(request, () => undefined)
      .then(
        (engine) => (found = engine),
        (thrown: unknown) => (error = describeError(thrown)),
      )
  })
  return { found: found as FoundEngine | undefined, error, log }
}

describe('where Buildah can’t build', () => {
  it('Docker does, with one warning that gives the reason', async () => {
    const { found, log } = await find({})
    expect(found?.engine).toMatchObject({ name: 'docker', version: '28.2.2', rootless: false })
    expect(log.match(/^::warning::.*/gm)).toStrictEqual([
      expect.stringMatching(/^::warning::Falling back to Docker: Buildah can't run here.*newuidmap.*uidmap/),
    ])
  })

  it('is not asked where an input rules it out, whatever the engine', async () => {
    const ruledOut = new RuledOut('Input "emulation": it is off.', 'Write `emulation: auto`.')
    expect(await find({}, usual, ruledOut)).toMatchObject({
      found: undefined,
      error: 'Input "emulation": it is off.\nWrite `emulation: auto`.',
      log: '',
    })
  })

  it('an error says so to whoever asks for Buildah', async () => {
    expect(await find({ engine: 'buildah' })).toMatchObject({
      found: undefined,
      error: 'The program newuidmap is missing.\nsudo apt-get install uidmap',
      log: '',
    })
  })

  it.each<[what: string, values: Record<string, string>, docker: string, reason: RegExp]>([
    [
      'it isn’t rootless and has to be',
      { rootless: 'require' },
      usual,
      /Input "rootless": got "require", but Docker 28/,
    ],
    [
      'its daemon doesn’t answer',
      {},
      withoutDaemon,
      /Cannot connect to the Docker daemon .*\nCannot connect\n.*start docker/,
    ],
    ['it has no Buildx', {}, withoutBuildx, /Docker 28\.2\.2 has no Buildx here/],
    ['it can’t do what is asked', { annotations: 'a=b' }, usual, /Input "annotations" can't be honoured: Docker 28/],
  ])('and Docker can’t either, since %s, one error has both reasons', async (_, values, docker, reason) => {
    const { error, log } = await find(values, docker)
    expect(error).toMatch(/^Neither Buildah nor Docker can build here\.\nBuildah: The program newuidmap is missing/)
    expect(error.slice(error.indexOf('\nDocker: '))).toMatch(reason)
    expect(log).toBe('')
  })
})

describe('whoever asks for Docker', () => {
  it('gets it without a word of Buildah', async () => {
    const { found, log } = await find({ engine: 'docker' })
    expect(found?.engine.name).toBe('docker')
    expect(log).toMatch(
      /^Engine: Docker 28\.2\.2 with Buildx 0\.38\.2, driver docker \(\S+\), not rootless\n {2}The build/,
    )
    expect(log).not.toContain('Buildah')
  })

  it.each<[what: string, values: Record<string, string>, docker: string, reason: RegExp]>([
    [
      'is not rootless',
      { rootless: 'require' },
      usual,
      /^Input "rootless": got "require", but Docker 28\.2\.2 with Buildx/,
    ],
    ['lacks Buildx', {}, withoutBuildx, /^Input "engine": got "docker"\. Docker 28\.2\.2 has no Buildx here/],
    ['can’t honour an input', { annotations: 'a=b' }, usual, /^Input "annotations" can't be honoured: Docker 28\.2\.2/],
  ])('gets the one error of it where it %s', async (_, values, docker, reason) => {
    const { error } = await find({ engine: 'docker', ...values }, docker)
    expect(error).toMatch(reason)
    expect(error).not.toContain('Buildah:')
  })
})

describe('whoever names a builder', () => {
  const remote = (name: string) =>
    [
      `case "$*" in`,
      `info*) exit 1 ;;`,
      `"buildx version") echo 'github.com/docker/buildx v0.38.2 x' ;;`,
      `*) test "$BUILDX_BUILDER" = '${name}' && printf 'Driver: remote\\nBuildKit version: v0.34.2\\n' ;;`,
      'esac',
    ].join('\n')
  const storeOf = async (found: FoundEngine | undefined) => (await found?.ready())?.store

  it('gets Docker with that builder, with one warning that gives the reason, and no cache beside its own', async () => {
    const { found, log } = await find({ builder: 'two' }, remote('two'))
    expect(found?.engine).toMatchObject({ name: 'docker', version: '0.34.2', rootless: false })
    expect(log.match(/^::warning::.*/gm)).toStrictEqual([
      '::warning::Docker builds, not Buildah, because the input "builder" names the builder "two", and isn\'t known to run without root.',
    ])
    expect(await storeOf(found)).toMatchObject({ isKeptElsewhere: true })
  })

  it('gets it without a warning with `engine: docker`', async () => {
    const { found, log } = await find({ builder: 'two', engine: 'docker' }, remote('two'))
    expect(found?.engine.name).toBe('docker')
    expect(log).not.toContain('::warning::')
  })

  it('is who decides: the builder that is in use has the cache as always', async () => {
    const { found } = await find({ engine: 'docker' }, remote(''))
    expect(await storeOf(found)).toMatchObject({ isKeptElsewhere: false })
  })
})

describe('the registries of the machine that may do without TLS', () => {
  const references = [parseReference('h.example/acme/web')]
  const home = temporaryFolder()
  mkdirSync(join(home, '.config/containers'), { recursive: true })
  writeFileSync(
    join(home, '.config/containers/registries.conf'),
    '[[registry]]\nlocation = "h.example"\ninsecure = true\n',
  )

  it.each<[values: Record<string, string>, expected: string[]]>([
    [{}, ['h.example']],
    [{ engine: 'buildah' }, ['h.example']],
    [{ engine: 'docker' }, []],
    [{ builder: 'two' }, []],
  ])('with %j', async (values, expected) => {
    const found = await engines.findInsecure(references, inputsOf(values), { env: {}, buildUser: { home } })
    expect(found).toStrictEqual(expected)
  })
})
