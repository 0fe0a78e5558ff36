import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'

import { expect, jest } from '@jest/globals'

import { succeed } from '../harness/clean-step.js'
import { describeEngines } from '../harness/describe-engines.js'
import { contentOf } from '../harness/image-content.js'
import { imageContains, pullImage } from '../harness/images.js'
import { type SeenProcess, watchProcesses } from '../harness/process-watch.js'
import { type StepOptions, withoutMasks } from '../harness/runner.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(180_000)

const { registry, base: busybox } = await useRegistry()

/** By their ids; the bytes that a RUN step must find. */
const secrets = {
  plain: Buffer.from('plain-Zq8wVt2L, with = and "quotes"'),
  blanks: Buffer.from('blanks-Pq5dLs0J  '),
  lines: Buffer.from('line-one-kK3pXr7M\nline "two"-uY5nBd9F, and more\n'),
  environment: Buffer.from('environment-Hc6sJm1T'),
  file: Buffer.from([0, 0xff, ...Buffer.from('file-Rw4gNe0A'), 0x0a, 0]),
}

/** What of them can't be anywhere by chance. */
const telling = ['Zq8wVt2L', 'kK3pXr7M', 'uY5nBd9F', 'Hc6sJm1T', 'Rw4gNe0A', 'Pq5dLs0J']

function stepWithSecrets(more: Partial<StepOptions> = {}): StepOptions {
  const ids = Object.keys(secrets)
  const mounts = ids.map((id) => `--mount=type=secret,id=${id}`).join(' ')
  // It sleeps, so that the processes can be looked at while the secrets are there.
  const dockerfile = `FROM ${busybox}
RUN ${mounts} mkdir /sums && cd /run/secrets && for id in ${ids.join(' ')}; do sha256sum $id > /sums/$id; done; sleep 0.4
RUN ls -A /run/secrets > /sums/left 2>&1 || true
`
  return {
    ...more,
    workspace: {
      Dockerfile: dockerfile,
      'private/secret.bin': { content: secrets.file, mode: 0o600 },
      '.dockerignore': 'private\n',
    },
    env: { BUILD_TOKEN: secrets.environment.toString() },
    inputs: {
      images: `${registry.host}/acme/secrets`,
      push: 'true',
      'tls-verify': 'false',
      secrets: [
        `"plain=${secrets.plain.toString().replaceAll('"', '""')}"`,
        `blanks=${secrets.blanks.toString()}`,
        `"lines=${secrets.lines.toString().replaceAll('"', '""')}"`,
      ].join('\n'),
      'secret-envs': 'environment=BUILD_TOKEN',
      'secret-files': 'file=private/secret.bin',
      ...more.inputs,
    },
  }
}

/** Builds with the secrets, and holds that they were there for the RUN step, for its account alone, and nowhere else. */
async function expectKept(options: StepOptions): Promise<void> {
  const files = new Map<string, { mode: number; uid: number; content: Buffer }>()
  const look = ({ argv }: SeenProcess): void => {
    for (const path of argv.flatMap((word) => /^id=\w+,src=(.+)$/.exec(word)?.[1] ?? [])) {
      const { mode, uid } = statSync(path)
      files.set(path, { mode: mode & 0o777, uid, content: readFileSync(path) })
    }
  }
  const { result, seen } = await watchProcesses(() => succeed(options), look)
  const { log, post, summary, state, outputs } = result

  const image = await pullImage(`${registry.host}/acme/secrets:latest`)
  for (const [id, bytes] of Object.entries(secrets)) {
    const sum = createHash('sha256').update(bytes).digest('hex')
    expect([id, contentOf(image, `sums/${id}`).toString().split(' ')[0]]).toStrictEqual([id, sum])
  }
  expect([...files.values()].map(({ content }) => content)).toStrictEqual(Object.values(secrets))

  const builds = seen.filter(({ argv }) => argv[0]?.endsWith('buildah') === true && argv.includes('build'))
  expect(builds.length).toBeGreaterThan(0)
  expect([...files.values()].map(({ mode, uid }) => ({ mode, uid }))).toStrictEqual(
    Object.values(secrets).map(() => ({ mode: 0o600, uid: builds[0]?.uid })),
  )
  const commands = seen.map(({ argv }) => argv.join(' ')).join('\n')
  // The step itself holds its inputs; the programs that it starts don't.
  const environments = builds.map(({ environment }) => environment.replace(/BUILD_TOKEN=[^\0]*/, '')).join('\n')
  const shown = [withoutMasks(log), post?.log, summary, JSON.stringify([state, outputs]), commands, environments]
  for (const text of telling) {
    expect(imageContains(image, text)).toBe(false)
    expect(JSON.stringify(image.manifest)).not.toContain(text)
    expect(shown.filter((place) => place?.includes(text))).toStrictEqual([])
  }
  expectMasked(log)
}

/** The runner is asked to hide what came in as text, whole and, since programs print lines, line by line. */
function expectMasked(log: string): void {
  const masks = log.split('\n').flatMap((line) => /^::add-mask::(.*)$/.exec(line)?.[1] ?? [])
  const lines = [secrets.plain, secrets.lines, secrets.environment].flatMap((secret) => secret.toString().split('\n'))
  expect(masks).toStrictEqual(expect.arrayContaining(lines.filter((line) => line !== '')))
}

describeEngines('with $name', ({ wish, testOne }) => {
  testOne('secrets of all three inputs reach the RUN step and nothing else', async () => {
    await expectKept(stepWithSecrets(wish()))
  })
})

testUnless(rootReason)('as root: the files belong to the account that builds', async () => {
  await expectKept(stepWithSecrets({ as: 'root' }))
})
