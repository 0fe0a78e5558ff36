import { expect, jest } from '@jest/globals'

import { succeed } from '../harness/clean-step.js'
import { describeEngines } from '../harness/describe-engines.js'
import { contentOf } from '../harness/image-content.js'
import { pullImage } from '../harness/images.js'
import type { StepResult } from '../harness/runner.js'
import { copyCases, mountCases, stageMountCases, unchanging } from '../harness/staleness-cases.js'
import { useLab } from '../harness/staleness-lab.js'
import { describeCases } from '../harness/staleness-suite.js'
import { describeExhaustively } from '../harness/test-set.js'

jest.setTimeout(600_000)

const lab = await useLab()

describeCases('files', [...unchanging, ...mountCases, ...copyCases], lab)

// In the ordinary set cache-shapes.test.ts has a stage in a mount.
describeExhaustively('apart from the others', () => {
  describeCases('mounts', stageMountCases, lab)
})

describeEngines('$name by itself', ({ version, wish, testOne }) => {
  const build = async (name: string, lines: readonly string[], inputs = {}): Promise<StepResult> => {
    const requested = wish()
    const { inputs: cache } = lab.cache('directory')
    const image = { images: `${lab.host}/acme/${name}-${version}`, push: 'true', 'tls-verify': 'false' }
    return await succeed({
      ...requested,
      workspace: { Dockerfile: `${lines.join('\n')}\n` },
      inputs: { ...image, ...requested.inputs, ...cache, ...inputs },
    })
  }

  testOne('a secret of another value builds nothing anew, as the documentation says', async () => {
    const lines = [`FROM ${lab.base}`, 'RUN --mount=type=secret,id=it md5sum < /run/secrets/it > /seen']
    await build('secret', lines, { secrets: 'it=the first one' })
    const seen = async (): Promise<string> =>
      contentOf(await pullImage(`${lab.host}/acme/secret-${version}:latest`), 'seen').toString()
    const first = await seen()
    const { outputs } = await build('secret', lines, { secrets: 'it=the second one' })
    expect({ hit: outputs['cache-hit'], seen: await seen() }).toStrictEqual({ hit: 'full', seen: first })
  })
})
