import { beforeAll, describe, jest, test } from '@jest/globals'

import { busyboxImage } from '../harness/base-image.js'
import type { Files } from '../harness/folders.js'
import { run } from '../harness/command.js'
import type { StepOptions, StepResult } from '../harness/runner.js'
import { expectBuilt, expectSkipped, skipJob, watchSkip } from '../harness/skip-steps.js'
import { casesOfSet, exhaustively } from '../harness/test-set.js'
import type { JobOptions } from '../harness/warm-steps.js'
import { useWarmPlace } from '../harness/use-warm-place.js'

jest.setTimeout(240_000)

const place = await useWarmPlace()

const dockerfile = [
  `FROM ${place.base} AS unused`,
  'COPY only-for-unused /x',
  `FROM ${place.base} AS tools`,
  'COPY tools /tools',
  `FROM ${place.base}`,
  'ARG WHO=nobody',
  'COPY src /srv/src',
  'COPY --from=tools /tools /tools',
  'RUN --mount=type=bind,source=mounted,target=/m echo $WHO > /who',
]
const files: Files = {
  Dockerfile: `${dockerfile.join('\n')}\n`,
  '.dockerignore': 'src/ignored*\n',
  'only-for-unused': '1',
  'tools/tool': '1',
  'src/a': '1',
  'src/b/c': '1',
  'src/ignored.txt': '1',
  'mounted/m': '1',
  elsewhere: '1',
}
const buildArgs = 'WHO=ada\nUNUSED=1'

interface Change {
  readonly files?: Files
  readonly inputs?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
}

function job({ files: changed = {}, inputs = {}, ...more }: Change & JobOptions = {}): StepOptions {
  const own = { 'build-args': buildArgs, labels: 'x=1', secrets: 'token=one' }
  const options = { ...more, inputs: { ...own, ...inputs } }
  return { ...skipJob(place, 'parts', [], options), workspace: { ...files, ...changed } }
}

const differsIn = (part: string) => new RegExp(`^Unchanged: no; changed since the build of .* UTC: ${part}$`, 'm')

let cold: StepResult

beforeAll(async () => {
  cold = await watchSkip(place, job())
})

describe('must not build', () => {
  const harmless: readonly (readonly [what: string, change: Change & JobOptions])[] = [
    ['other times of the same files', {}],
    ['a file that is left out', { files: { 'src/ignored.txt': '2' } }],
    ['one more that is left out', { files: { 'src/ignored-too': '2' } }],
    ['a file that nothing copies', { files: { elsewhere: '2' } }],
    ['one more that nothing copies', { files: { another: '2' } }],
    ['a file of a stage that is not needed', { files: { 'only-for-unused': '2' } }],
    ['build arguments in another order', { inputs: { 'build-args': 'UNUSED=1\nWHO=ada' } }],
    ['another commit', { env: { GITHUB_SHA: 'f'.repeat(40) } }],
    ['another value of a secret', { inputs: { secrets: 'token=another' } }],
  ]
  const ordinary = ['a file of a stage that is not needed']

  test.each(casesOfSet(harmless, ([what]) => ordinary.includes(what)))('%s', async (_, change) => {
    expectSkipped(await watchSkip(place, job(change)), cold)
  })

  exhaustively(test)('the tag of the base image written again, with the same digest', async () => {
    const from = `docker://${place.registry}/base/busybox`
    await run('skopeo', [
      'copy',
      '--quiet',
      '--src-tls-verify=false',
      '--dest-tls-verify=false',
      `${from}:1`,
      `${from}:kept`,
    ])
    await run('skopeo', [
      'copy',
      '--quiet',
      '--src-tls-verify=false',
      '--dest-tls-verify=false',
      `${from}:kept`,
      `${from}:1`,
    ])
    expectSkipped(await watchSkip(place, job()), cold)
  })
})

describe('must build', () => {
  const counting: readonly (readonly [part: string, what: string, change: Change & JobOptions])[] = [
    ['context', 'a file', { files: { 'src/a': '2' } }],
    ['context', 'a mode', { files: { 'src/a': { content: '1', mode: 0o755 } } }],
    ['context', 'one file more', { files: { 'src/b/d': '' } }],
    ['context', 'a file of a stage that is copied from', { files: { 'tools/tool': '2' } }],
    ['context', 'what a mount shows', { files: { 'mounted/m': '2' } }],
    ['context', 'the ignore file', { files: { '.dockerignore': '' } }],
    ['Dockerfile', 'a comment', { files: { Dockerfile: `${dockerfile.join('\n')}\n# a comment\n` } }],
    ['build arguments', 'a value', { inputs: { 'build-args': 'WHO=bob\nUNUSED=1' } }],
    ['label names', 'one label more', { inputs: { labels: 'x=1\ny=2' } }],
    ['label names', 'one annotation more', { inputs: { annotations: 'x=2' } }],
    ['format', 'the format', { inputs: { format: 'docker' } }],
    ['add-hosts', 'hosts', { inputs: { 'add-hosts': 'db:10.0.0.1' } }],
    ['ulimit', 'limits', { inputs: { ulimit: 'nofile=512:512' } }],
    ['secrets', 'a secret', { inputs: { secrets: 'token=one\nkey=two' } }],
    ['extra-args', 'an argument', { inputs: { 'extra-args': '--squash=false' } }],
  ]
  const ordinary = ['what a mount shows']

  test.each(casesOfSet(counting, ([, what]) => ordinary.includes(what)))('%s: %s', async (part, _, change) => {
    expectBuilt(await watchSkip(place, job(change)), differsIn(part))
  })

  test('nothing else, when all is as it was once before', async () => {
    expectSkipped(await watchSkip(place, job()), cold)
  })

  test('the tag of the base image has moved', async () => {
    await run('skopeo', [
      'copy',
      '--quiet',
      '--src-tls-verify=false',
      '--dest-tls-verify=false',
      `docker://${place.registry}/acme/parts:latest`,
      `docker://${place.registry}/base/busybox:1`,
    ])
    expectBuilt(await watchSkip(place, job()), differsIn('base images'))
    await busyboxImage(place.registry)
  })
})
