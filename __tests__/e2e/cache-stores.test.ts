import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, jest } from '@jest/globals'
import compare from 'semver/functions/compare.js'
import lt from 'semver/functions/lt.js'

import { accountFor } from '../harness/account.js'
import { succeed } from '../harness/clean-step.js'
import { run } from '../harness/command.js'
import { describeEngines } from '../harness/describe-engines.js'
import { testedEngines } from '../harness/engines.js'
import { makeFolder, removeFolders } from '../harness/folders.js'
import { contentOf } from '../harness/image-content.js'
import { imageFiles } from '../harness/images.js'
import { runAction, type StepOptions } from '../harness/runner.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { withCovered } from '../harness/surroundings.js'
import { exhaustively, isExhaustive } from '../harness/test-set.js'
import {
  expectHit,
  type JobOptions,
  openWarmPlace,
  stepsOf,
  uploads,
  type WarmPlace,
  warnings,
} from '../harness/warm-steps.js'

jest.setTimeout(180_000)

const lines = [
  'RUN mkdir /d && echo one > /d/one && echo two > /d/two && chown 12:34 /d/two && chmod 6750 /d/two',
  'RUN rm /d/one && rm -rf /var/tmp && mkdir /var/tmp && cat /proc/sys/kernel/random/uuid > /id',
  `RUN find /d /var/tmp ! -type d -exec stat -c '%n %a %u %g' {} + > /list`,
]

/** Where root may not raise limits, Buildah's own for RUN steps can't be set. */
const asRoot = { rootless: 'off', ulimit: 'nofile=1024:1024\nnproc=1024:1024' }

let place: WarmPlace

beforeAll(async () => {
  place = await openWarmPlace()
})

afterAll(async () => {
  await place.stop()
  await removeFolders()
})

/** Builds twice, each time on a new machine: the second time everything comes back, and is what it was. */
async function expectKept(step: StepOptions): Promise<void> {
  const cold = await succeed(step)
  expectHit(cold, 'none')
  if (isExhaustive) {
    const warm = await succeed(step)
    expectHit(warm, 'full')
    expect(stepsOf(warm)).toStrictEqual({ hit: lines, ran: [] })
    expect(warm.outputs).toMatchObject({ imageid: cold.outputs['imageid'], digest: cold.outputs['digest'] })
    expect(warnings(warm)).toStrictEqual([])
  }

  // A step that runs on what came back sees what a step saw that ran on what had just been made.
  const look = { ...step, workspace: { Dockerfile: `${dockerfileOf(step)}RUN ${lines[2]?.slice(4)}2\n` } }
  const looked = await succeed(look)
  expect(stepsOf(looked).hit).toStrictEqual(lines)
  expect([...warnings(cold), ...warnings(looked)]).toStrictEqual([])
  const image = await place.pull(nameOf(step))
  expect(contentOf(image, 'list').toString()).toBe('/d/two 6750 12 34\n')
  expect(contentOf(image, 'list2')).toStrictEqual(contentOf(image, 'list'))
}

function dockerfileOf({ workspace }: StepOptions): string {
  const text = typeof workspace === 'object' ? workspace['Dockerfile'] : undefined
  if (typeof text !== 'string') throw new Error('The step has no Dockerfile')
  return text
}

function nameOf({ inputs }: StepOptions): string {
  return inputs['images']?.split('/').at(-1) ?? ''
}

describe('an older and a newer Buildah', () => {
  const inOrder = testedEngines().sort((one, other) => compare(one.version || '0.0.0', other.version || '0.0.0'))
  const [older, newer] = inOrder.filter(({ missing }) => missing === undefined)
  const absent = newer === undefined ? inOrder.find(({ missing }) => missing !== undefined)?.missing : undefined
  beforeAll(async () => {
    for (const engine of [older, newer]) await engine?.start()
  })
  afterAll(async () => {
    for (const engine of [older, newer]) await engine?.stop()
  })
  const by = (engine: typeof older, name: string, more: readonly string[] = []): StepOptions =>
    place.job(name, [...lines, ...more], {}, engine?.wish())

  // Before 1.30 the labels are in the images of all steps, and no newer one takes them over.
  const hasThemEverywhere = (version = '') => version !== '' && lt(version, '1.30.0')
  const isAcross = hasThemEverywhere(older?.version) && !hasThemEverywhere(newer?.version)
  const whatItDoes = isAcross ? 'builds anew what has its labels elsewhere' : 'uses what the older one left'

  testUnless(absent)(`the newer one ${whatItDoes}`, async () => {
    const cold = await succeed(by(older, 'upwards'))
    const first = await place.pull('upwards')
    const warm = await succeed(by(newer, 'upwards'))
    expect([cold, warm].map(({ outputs }) => outputs['engine-version'])).toStrictEqual([older?.version, newer?.version])
    expectHit(warm, isAcross ? 'none' : 'full')
    expect(warnings(warm)).toStrictEqual([])
    const second = await place.pull('upwards')
    expect(contentOf(second, 'list')).toStrictEqual(contentOf(first, 'list'))
    if (!isAcross) expect(imageFiles(second)).toStrictEqual(imageFiles(first))
  })

  // In the ordinary set, the unit tests of retention.ts have this decision.
  exhaustively(testUnless(absent))('the older one leaves alone what the newer one left, and says so once', async () => {
    await succeed(by(newer, 'downwards'))
    place.service.forget()
    const step = await succeed(by(older, 'downwards'))
    expectHit(step, 'none')
    expect(step.log.match(/which is newer than/g)).toHaveLength(1)
    expect(step.log).toContain(
      `it was written by Buildah ${newer?.version ?? ''}, which is newer than ${older?.version ?? ''}`,
    )
    const list = contentOf(await place.pull('downwards'), 'list').toString()
    expect(list).toBe('/d/two 6750 12 34\n')
  })
})

describeEngines('with $name', ({ version, missing, wish, testEach, testOne, onlyOne }) => {
  const asRootReason = missing ?? rootReason
  const job = (name: string, options: JobOptions = {}): StepOptions =>
    place.job(`${name}-${version}`, lines, { ...options, inputs: { ...wish().inputs, ...options.inputs } }, wish())

  testOne('vfs', async () => {
    await expectKept(job('vfs', { inputs: { 'storage-driver': 'vfs' } }))
  })

  exhaustively(testUnless(asRootReason))('fuse-overlayfs', async () => {
    await expectKept(job('fuse', { inputs: { 'storage-driver': 'fuse-overlayfs' }, within: withCovered(openFuse()) }))
  })

  exhaustively(testEach)('what one driver has left is not used by another', async () => {
    await succeed(job('drivers', { inputs: { 'storage-driver': 'vfs' } }))
    const step = await succeed(job('drivers', { inputs: { 'storage-driver': 'overlay' } }))
    expectHit(step, 'none')
    expect(
      step.log.match(/its layers use the layout vfs-rootless, and this build uses overlay-rootless/g),
    ).toHaveLength(1)
    expectHit(await succeed(job('drivers', { inputs: { 'storage-driver': 'overlay' } })), 'full')
  })

  onlyOne(testUnless(asRootReason))('as root, who hands over to an account', async () => {
    await expectKept(job('root', { as: 'root' }))
  })

  exhaustively(testUnless(asRootReason))('as root, who builds', async () => {
    await expectKept(job('root-builds', { as: 'root', inputs: asRoot }))
  })

  onlyOne(testUnless(asRootReason))('as root, who builds: a RUN that fails leaves nothing behind', async () => {
    const step = job('root-fails', { as: 'root', inputs: asRoot })
    const failed = await runAction({ ...step, workspace: { Dockerfile: `${dockerfileOf(step)}RUN exit 1\n` } })
    const mounts = await unmountBelow(failed.temp)
    expect(failed).toMatchObject({ exitCode: 1, post: { exitCode: 0 } })
    expect({ mounts, temp: failed.leftInTemp.slice(0, 1) }).toStrictEqual({ mounts: [], temp: [] })
    expectHit(await succeed(step), 'full')
  })
})

/** Takes away what is still mounted below a folder, and tells where that was. */
async function unmountBelow(folder: string): Promise<string[]> {
  const points = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[1] ?? [])
    .filter((point) => point.startsWith(`${folder}/`))
  for (const point of points.toReversed()) await run('umount', [point])
  return points
}

/** The machine's /dev/fuse, open to everyone, where it isn't. */
function openFuse(): Record<string, string> {
  if ((statSync('/dev/fuse').mode & 0o006) === 0o006) return {}
  const device = join(makeFolder('fuse'), 'fuse')
  execFileSync('mknod', [device, 'c', '10', '229'])
  chmodSync(device, 0o666)
  return { '/dev/fuse': device }
}

exhaustively(testUnless(rootReason))('as root, who builds: names that are no UTF-8 leave nothing behind', async () => {
  const broken = ["RUN touch $(printf '/broken-\\377\\376')"]
  await succeed(place.job('root-names', broken, { as: 'root', inputs: asRoot }))
  expectHit(await succeed(place.job('root-names', broken, { as: 'root', inputs: asRoot })), 'full')
})

describeEngines('cache mounts, with $name', ({ version, wish, testOne }) => {
  const look = `ls -ln /cache/kept > /before 2>&1; stat -c '%a %u %g' /cache/kept >> /before 2>&1`
  const leave = 'mkdir -p /cache/kept; cp /round /cache/kept/round; chown -R 12:34 /cache/kept; chmod 2750 /cache/kept'
  const job = (round: string): StepOptions => {
    const steps = ['COPY round /round', `RUN --mount=type=cache,target=/cache ${look}; ${leave}`]
    const inputs = { ...wish().inputs, 'cache-mounts': 'true' }
    return place.job(`mounts-${version}`, steps, { files: { round }, inputs }, wish())
  }

  testOne('what was left is there in the next run, and is kept when it has changed', async () => {
    await succeed(job('1'))
    expect(before(await place.pull(`mounts-${version}`))).toMatch(/No such file/)
    await succeed(job('2'))
    const seen = before(await place.pull(`mounts-${version}`))
    expect(seen).toMatch(/^-rw-r--r-- +1 +12 +34 +1 .* round$/m)
    expect(seen).toMatch(/^2750 12 34$/m)
    place.service.forget()
    const same = await succeed(job('2'))
    expectHit(same, 'full')
    expect(uploads(place.service)).toBe(0)
  })

  const before = (image: Awaited<ReturnType<WarmPlace['pull']>>): string => contentOf(image, 'before').toString()
})

describeEngines('storage-conf, with $name', ({ version, wish, testEach }) => {
  testEach('leads the same user to the image until the job ends', async () => {
    const step = await runAction({ ...place.job(`conf-${version}`, lines, {}, wish()), only: 'main' })
    const env = { CONTAINERS_STORAGE_CONF: step.outputs['storage-conf'] ?? '' }
    const program = /^Engine: Buildah \S+ \((\/[^,]+),/m.exec(step.log)?.[1] ?? ''
    const images = await run(program, ['images', '--quiet', '--no-trunc'], { account: accountFor('user'), env })
    expect(images.toString().split('\n')).toContain(step.outputs['imageid'])
  })
})
