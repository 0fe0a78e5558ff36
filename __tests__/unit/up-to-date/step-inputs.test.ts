import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../src/dockerfile/dockerfile.js'
import { stepKeys } from '../../../src/dockerfile/step-keys.js'
import type { Env } from '../../../src/exec.js'
import type { Source } from '../../../src/source/source.js'
import type { ContainersStorage } from '../../../src/build-storage.js'
import { analysisOf } from '../../../src/source/analysis.js'
import { stepInputsOf } from '../../../src/up-to-date/step-inputs.js'
import { proxiesIn } from '../../../src/up-to-date/proxies.js'
import { untrackedInput } from '../../../src/up-to-date/untracked-input.js'
import { inputsOf, temporaryFolder } from '../helpers.js'

const dockerfile = parseDockerfile('FROM debian\nARG WHO\nRUN --mount=type=bind,source=seen,target=/m make\n')

function contextFolder(content = '1'): string {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'seen'))
  writeFileSync(join(folder, 'seen/file'), content)
  return folder
}

interface World {
  readonly inputs?: Readonly<Record<string, string>>
  readonly format?: 'oci' | 'docker'
  readonly version?: string
  readonly folder?: string
  /** Of the process that builds. */
  readonly buildEnv?: Env
}

async function keysIn({ inputs = {}, format = 'oci', version = '1.28.2', buildEnv = {}, ...more }: World) {
  const { folder = contextFolder() } = more
  const source: Source = { context: folder, file: join(folder, 'Dockerfile'), dockerfile, target: undefined }
  const store = { kind: 'root', version, env: buildEnv } as ContainersStorage
  const product = { inputs: inputsOf(inputs), source, format, references: [] }
  const stepInputs = await stepInputsOf({ ...product, labels: [], annotations: [], copied: new Map() }, store)
  return stepKeys(analysisOf(product.inputs, dockerfile, buildEnv), stepInputs, 0).map(({ keys }) => keys.at(-1))
}

describe('the key of a RUN step', () => {
  it.each<[what: string, world: World]>([
    ['network: none', { inputs: { network: 'none' } }],
    ['a host more', { inputs: { 'add-hosts': 'db:10.0.0.1' } }],
    ['another size of /dev/shm', { inputs: { 'shm-size': '12m' } }],
    ['another limit', { inputs: { ulimit: 'nofile=512:512' } }],
    ['an argument of Buildah', { inputs: { 'extra-args': '--timestamp=0' } }],
    ['another format', { format: 'docker' }],
    ['a time from the environment', { buildEnv: { SOURCE_DATE_EPOCH: '0' } }],
    ['a build argument', { inputs: { 'build-args': 'WHO=ada' } }],
    ['a build argument from the environment', { inputs: { 'build-args': 'WHO' }, buildEnv: { WHO: 'ada' } }],
    ['a build argument that is empty', { inputs: { 'build-args': 'WHO=' } }],
    ['other files in a mount that this Buildah does not compare', { folder: contextFolder('2') }],
  ])('is another with %s', async (_, world) => {
    const [usual, other] = [await keysIn({}), await keysIn(world)]
    expect(other).toStrictEqual([expect.stringMatching(/^[0-9a-f]{64}$/)])
    expect(other).not.toStrictEqual(usual)
  })

  it('is the same for the same, wherever it lies', async () => {
    expect(await keysIn({})).toStrictEqual(await keysIn({}))
  })

  it('is another where a mount is a link to other files, which a newer Buildah doesn’t see either', async () => {
    const linked = (content: string) => {
      const folder = temporaryFolder()
      mkdirSync(join(folder, 'target'))
      writeFileSync(join(folder, 'target/file'), content)
      symlinkSync('target', join(folder, 'seen'))
      return folder
    }
    const keysOf = async (content: string) => await keysIn({ version: '1.43.2', folder: linked(content) })
    expect(await keysOf('1')).toStrictEqual(await keysOf('1'))
    expect(await keysOf('2')).not.toStrictEqual(await keysOf('1'))
  })
})

describe('the proxies of an environment', () => {
  it.each<[env: Env, proxies: Readonly<Record<string, string>>]>([
    [{ PATH: '/bin', ALL_PROXY: 'x' }, {}],
    [
      { http_proxy: 'http://host:3128', NO_PROXY: '' },
      { http_proxy: 'http://host:3128', NO_PROXY: '' },
    ],
    [{ https_proxy: 'http://ada:hunter22@host:3128/' }, { https_proxy: 'http://host:3128/' }],
    [{ FTP_PROXY: 'ada:hunter22@host' }, { FTP_PROXY: 'host' }],
  ])('%j are %j, without logins', (env, proxies) => {
    expect(Object.fromEntries(proxiesIn(env))).toStrictEqual(proxies)
  })
})

it.each(['1.28.2', '1.43.2'])('nothing outside of the context is read for a mount, by Buildah %s', async (version) => {
  const folder = temporaryFolder()
  const outside = temporaryFolder()
  writeFileSync(join(outside, 'file'), '1')
  symlinkSync(outside, join(folder, 'seen'))
  const [one, other] = [await keysIn({ version, folder }), await keysIn({ version, folder })]
  // What it shows isn't known: a step on it is never the same.
  expect(one).not.toStrictEqual(other)
})

describe('what keeps from telling what a step depends on', () => {
  it.each<[argument: string, file: string, text: string, hidden: string | undefined]>([
    ['--volume=/x:/y', 'Dockerfile', 'FROM a', '--volume=/x:/y in "extra-args"'],
    ['--build-arg=WHO', 'Dockerfile', 'FROM a', '--build-arg=WHO in "extra-args"'],
    ['', 'Dockerfile.in', 'FROM a', 'the preprocessor of Dockerfile.in'],
    ['--timestamp=0', 'Dockerfile', 'FROM a', undefined],
    // BuildKit takes two escape characters for one that is meant, Buildah the second for a continuation.
    ['', 'Dockerfile', 'FROM a\nENV A=x\\\\\nCOPY a b', 'line 2 (BuildKit and Buildah read it differently)'],
  ])('%j with %s of %j: %j', (argument, file, text, hidden) => {
    expect(untrackedInput(inputsOf({ 'extra-args': argument }), { file, dockerfile: parseDockerfile(text) })).toBe(
      hidden,
    )
  })
})
