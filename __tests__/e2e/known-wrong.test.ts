import { beforeAll, describe, expect, jest } from '@jest/globals'
import lt from 'semver/functions/lt.js'

import { getsWrong, KNOWN_WRONG } from '../../src/dockerfile/known-wrong.js'
import { accountFor } from '../harness/account.js'
import { bareBuildah } from '../harness/bare-buildah.js'
import { fail, succeed } from '../harness/clean-step.js'
import { matrixEngines, type TestedEngine } from '../harness/engines.js'
import { makeFolder } from '../harness/folders.js'
import { pullImage, type PulledImage } from '../harness/images.js'
import { type CaseBuild, FAILS, type WrongCase, wrongCases } from '../harness/known-wrong-cases.js'
import type { StepOptions } from '../harness/runner.js'
import { testUnless } from '../harness/skipping.js'
import { makeTree } from '../harness/staleness-tree.js'
import { casesOfSet, exhaustively } from '../harness/test-set.js'
import { useWrongPlace } from '../harness/use-wrong-place.js'

jest.setTimeout(300_000)

const place = await useWrongPlace()

describe.each(matrixEngines())('with $name', (engine) => {
  const { version, missing, program } = engine
  const testEach = testUnless(missing)
  if (missing !== undefined) {
    exhaustively(testEach)('all rows', () => undefined)
    return
  }
  beforeAll(engine.start)
  const cases = casesOfSet(wrongCases, ({ isOrdinary }) => isOrdinary === true).filter(
    ({ buildsSince }) => buildsSince === undefined || !lt(version, buildsSince),
  )
  const bare = bareBuildah(program, place.registry)

  for (const one of cases) {
    const isWrong = getsWrong(one.row, version) && one.rightOn?.[version] === undefined

    const title = one.variant === undefined ? one.row : `${one.row}, ${one.variant}`

    testEach(`${title}: Buildah alone builds it ${isWrong ? 'wrongly' : 'as it should'}`, async () => {
      const image = await bare.build(slugOf(one), one.builds(place), one.storage)
      expect(image === FAILS ? FAILS : one.look(image)).toStrictEqual(isWrong ? one.wrong : one.right)
    })

    testEach(`${title}: the action ${isWrong ? `has an answer, ${KNOWN_WRONG[one.row].answer}` : 'builds it'}`, () =>
      expectAnswer(one, engine),
    )
  }
})

function slugOf({ row, variant }: WrongCase): string {
  return [row, ...(variant?.split(' ') ?? [])].join('-').toLowerCase()
}

async function expectAnswer(one: WrongCase, engine: TestedEngine): Promise<void> {
  const { row, builds, look, right, wrong } = one
  const { what, answer } = KNOWN_WRONG[row]
  const isKnown = getsWrong(row, engine.version)
  const name = `${slugOf(one)}-${engine.version}`
  const steps = await Promise.all(builds(place).map((build) => stepOf(name, build, engine)))
  if (isKnown && answer === 'another Buildah') {
    // No package manager on PATH, and no server that has the action's own.
    const env = { PATH: engine.wish().path ?? '/nowhere', GITHUB_SERVER_URL: 'http://127.0.0.1:9' }
    for (const step of steps) expect((await fail({ ...step, env })).error).toContain(what)
    return
  }
  let log = ''
  for (const step of steps) log = (await succeed(step)).log
  const image: PulledImage = await pullImage(`${place.registry}/acme/${name}:latest`)
  const isTold = answer === 'warning' || answer === 'note'
  expect(look(image)).toStrictEqual(isKnown && isTold ? wrong : right)
  expect(log.includes(what)).toBe(isKnown && isTold)
}

const kept = makeFolder('kept', accountFor('user'))

/** One step of the action that builds this as `acme/NAME`, with the cache of the steps before. */
async function stepOf(name: string, build: CaseBuild, engine: TestedEngine): Promise<StepOptions> {
  const {
    lines,
    files,
    buildArgs = [],
    labels = [],
    annotations = [],
    timestamp = '',
    contexts = [],
    platform,
    target,
  } = build
  const workspace = await makeTree({ ...files, Dockerfile: `${lines.join('\n')}\n` }, accountFor('user'))
  const { inputs, ...wish } = engine.wish()
  return {
    ...wish,
    workspace,
    inputs: {
      ...{ images: `${place.registry}/acme/${name}`, push: 'true', 'tls-verify': 'false', engine: 'buildah' },
      ...{ cache: 'directory', 'cache-dir': kept, isolation: 'chroot', ...inputs },
      ...{ 'build-args': buildArgs.join('\n'), labels: labels.join('\n'), annotations: annotations.join('\n') },
      timestamp,
      'build-contexts': contexts.join('\n'),
      ...(platform === undefined ? {} : { platforms: platform }),
      ...(target === undefined ? {} : { target }),
    },
  }
}
