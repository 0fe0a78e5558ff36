import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, jest } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { awkwardTar } from '../harness/awkward-tar.js'
import { succeed } from '../harness/clean-step.js'
import { differences, dockerfiles } from '../harness/differences.js'
import { dockerReason } from '../harness/docker-daemon.js'
import { testedEngines } from '../harness/engines.js'
import { makeFolder, makeWorkspace } from '../harness/folders.js'
import { imageFiles, type PulledImage } from '../harness/images.js'
import { testUnless } from '../harness/skipping.js'
import { useDocker } from '../harness/use-docker.js'
import { useWarmPlace } from '../harness/use-warm-place.js'

jest.setTimeout(300_000)

const place = await useWarmPlace()
const docker = await useDocker()

type Names = keyof typeof dockerfiles
type Built = Readonly<Record<Names, PulledImage>>

// As ssh-keygen(1) leaves it, and root's, as the steps are.
const key = join(makeFolder('key'), 'key')
const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
})
writeFileSync(key, privateKey, { mode: 0o600 })
// The account may not enter it, so that Buildah works in /var/tmp: the socket of an agent has a short path there.
const closed = makeFolder('closed')
chmodSync(closed, 0o700)

const packed = awkwardTar([{ path: 'deep/file', mode: 0o600, uid: 12, gid: 34, content: '1', attributes: {} }])
const inputs = {
  still: { format: 'oci' },
  running: { format: 'docker', 'build-contexts': 'lib=lib', ssh: `default=${key}` },
}

/** Builds it, and pulls it back. */
async function build(name: Names, repository: string, options: Parameters<typeof place.job>[2]): Promise<PulledImage> {
  const Dockerfile = `${dockerfiles[name].join('\n')}\n`.replace('BASE', place.base)
  const workspace = makeWorkspace(
    { Dockerfile, one: '1', setuid: '1', 'packed.tar': packed, 'lib/two': '2' },
    accountFor('root'),
  )
  chmodSync(join(workspace, 'setuid'), 0o4755)
  const step = place.job(repository, [], { ...options, as: 'root' })
  await succeed({ ...step, workspace, inputs: { ...step.inputs, cache: 'off', ...inputs[name] } })
  return await place.pull(repository)
}

// All versions of Buildah do the same here; the oldest and the one in the middle stand for them.
describe.each(testedEngines('one').slice(0, 2))('Docker beside $name', (engine) => {
  const missing = dockerReason() ?? engine.missing
  const testBoth = testUnless(missing)
  let theirs: Built
  let ours: Built

  if (missing === undefined) {
    beforeAll(async () => {
      await engine.start()
      const { inputs: requested, ...wish } = engine.wish()
      const byDocker = { inputs: { engine: 'docker' }, env: docker.environment('buildx') }
      const byBuildah = { ...wish, inputs: { engine: 'buildah', ...requested }, env: { RUNNER_TEMP: closed } }
      theirs = { still: await build('still', 'still', byDocker), running: await build('running', 'running', byDocker) }
      ours = { still: await build('still', 'still', byBuildah), running: await build('running', 'running', byBuildah) }
    })
    afterAll(() => engine.stop())
  }

  for (const { what, buildah, docker: other, in: name, look, seen } of differences) {
    testBoth(`${what}: ${buildah} with Buildah, ${other} with Docker`, () => {
      expect([look(ours[name]), look(theirs[name])]).toStrictEqual(seen)
    })
  }

  testBoth('files of a further build context are root’s, whoever starts the step', () => {
    for (const { running } of [ours, theirs])
      expect(imageFiles(running).get('srv/two')).toMatchObject({ uid: 0, gid: 0, mode: 0o644 })
  })
})
