import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { succeed } from '../harness/clean-step.js'
import { makeWorkspace } from '../harness/folders.js'
import { type GitRepository, serveRepository } from '../harness/git-daemon.js'
import { contentOf } from '../harness/image-content.js'
import { imageFiles, type PulledImage, pullImage } from '../harness/images.js'
import type { StepOptions } from '../harness/runner.js'
import { casesOfSet, exhaustively } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(180_000)

const { registry, base: busybox } = await useRegistry()

/** Builds, pushes and pulls back. */
async function built(workspace: StepOptions['workspace'], inputs: Record<string, string> = {}): Promise<PulledImage> {
  const push = { images: `${registry.host}/acme/context`, push: 'true', 'tls-verify': 'false' }
  await succeed({ workspace: workspace ?? {}, inputs: { ...push, ...inputs } })
  return pullImage(`${registry.host}/acme/context:latest`)
}

/** The files below /src, where the Dockerfiles here put their context. */
function copied(image: PulledImage): string[] {
  const files = [...imageFiles(image)].filter(([path, { type }]) => path.startsWith('src/') && type !== 'directory')
  return files.map(([path]) => path.slice('src/'.length)).sort()
}

describe('ignore files', () => {
  const files = { 'a.txt': 'a', 'b.log': 'b', 'keep.log': 'keep', 'deep/c.log': 'c', 'deep/keep.txt': 'deep' }
  const copying = (): string => `FROM ${busybox}\nCOPY . /src/\n`

  test('.dockerignore, with exceptions', async () => {
    const ignore = '# comment\n**/*.log\n!keep.log\ndeep\n!deep/keep.txt\nDockerfile\n.dockerignore\n'
    const image = await built({ ...files, Dockerfile: copying(), '.dockerignore': ignore })
    expect(copied(image)).toStrictEqual(['a.txt', 'deep/keep.txt', 'keep.log'])
  })

  test('a folder with a comma in its name, with RUNNER_TEMP in such a folder', async () => {
    const dockerfile = `FROM ${busybox}\nCOPY . /src/\nRUN --mount=type=bind,target=/ctx cat /ctx/a.txt\n`
    const workspace = makeWorkspace(
      { 'my,web/Dockerfile': dockerfile, 'my,web/a.txt': 'a', 'temp,1/keep': '' },
      accountFor('user'),
    )
    const push = { images: `${registry.host}/acme/comma`, push: 'true', 'tls-verify': 'false', context: 'my,web' }
    const env = { RUNNER_TEMP: join(workspace, 'temp,1') }
    await succeed({ workspace, inputs: { ...push, secrets: 'a=b' }, env })
    expect(copied(await pullImage(`${registry.host}/acme/comma:latest`))).toStrictEqual(['Dockerfile', 'a.txt'])
  })

  exhaustively(test)('.containerignore comes before .dockerignore', async () => {
    const image = await built({
      ...files,
      Dockerfile: copying(),
      '.containerignore': '.*\nDockerfile\ndeep\n',
      '.dockerignore': '*.txt\n',
    })
    expect(copied(image)).toStrictEqual(['a.txt', 'b.log', 'keep.log'])
  })

  test('<Dockerfile>.dockerignore comes before both', async () => {
    const image = await built(
      {
        ...files,
        'build/web.Dockerfile': copying(),
        'build/web.Dockerfile.dockerignore': '*\n!*.txt\n',
        '.containerignore': 'a.txt\n',
        '.dockerignore': 'a.txt\n',
      },
      { file: 'build/web.Dockerfile' },
    )
    expect(copied(image)).toStrictEqual(['a.txt'])
  })
})

describe('places', () => {
  const reading = (text: string): string => `FROM ${busybox}\nRUN echo ${text} > /which\n`

  exhaustively(test)('a Containerfile comes before a Dockerfile', async () => {
    const image = await built({ Dockerfile: reading('Dockerfile'), Containerfile: reading('Containerfile') })
    expect(contentOf(image, 'which').toString()).toBe('Containerfile\n')
  })

  exhaustively(test)('a context below the workspace, a file elsewhere in it, spaces in both', async () => {
    const workspace = {
      'my app/hello': 'hello',
      'my app/Dockerfile': reading('wrong'),
      'build files/Dockerfile': `FROM ${busybox}\nCOPY hello /which\n`,
    }
    const image = await built(workspace, { context: 'my app', file: 'build files/Dockerfile' })
    expect(contentOf(image, 'which').toString()).toBe('hello')
  })

  test('build contexts: a folder of the workspace, one outside of it, an image', async () => {
    const outside = makeWorkspace({ 'lib/outside': 'outside' }, accountFor('user'))
    const workspace = {
      'app/Dockerfile': [
        `FROM base`,
        'COPY --from=vendor inside /src/',
        'COPY --from=elsewhere . /src/',
        'COPY own /src/',
      ].join('\n'),
      'app/own': 'own',
      'vendor/inside': 'inside',
    }
    const contexts = ['vendor=vendor', `elsewhere=${join(outside, 'lib')}`, `base=docker-image://${busybox}`]
    const image = await built(workspace, { context: 'app', 'build-contexts': contexts.join('\n') })
    expect(copied(image)).toStrictEqual(['inside', 'outside', 'own'])
    expect(imageFiles(image).has('bin/busybox')).toBe(true)
  })
})

describe('a Git repository', () => {
  let repository: GitRepository

  beforeAll(async () => {
    const files = (text: string) => ({
      Dockerfile: `FROM ${busybox}\nCOPY . /src/\n`,
      text: `${text} root`,
      'app/Dockerfile': `FROM ${busybox}\nCOPY . /src/\n`,
      'app/text': `${text} app`,
    })
    repository = await serveRepository({ 'old/branch': files('old'), trunk: files('new') })
  })

  afterAll(async () => {
    await repository.stop()
  })

  const fragments = [
    { fragment: '', text: 'new root' },
    { fragment: '#old/branch', text: 'old root' },
    { fragment: '#old/branch:app', text: 'old app' },
    { fragment: '#:app', text: 'new app' },
    { fragment: '#COMMIT:app', text: 'old app' },
  ]

  for (const { fragment, text } of casesOfSet(fragments, ({ fragment }) => fragment === '#old/branch:app')) {
    test(`"${fragment}" behind its URL`, async () => {
      const commit = repository.commits[0] ?? ''
      const image = await built({}, { context: repository.url + fragment.replace('COMMIT', commit) })
      expect(contentOf(image, 'src/text').toString()).toBe(text)
      // Neither the history nor, for a folder, what lies beside it.
      const names = copied(image).filter((path) => !path.startsWith('app/'))
      expect(names).toStrictEqual(['Dockerfile', 'text'])
    })
  }
})
