import { expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../../src/dockerfile/dockerfile.js'
import type { Step } from '../../../../src/engine/progress.js'
import { scanRequest } from '../../../../src/pipeline/attestations/scan-request.js'
import { inputsOf, logOf } from '../../helpers.js'

const TEXT = `ARG BUILDKIT_SBOM_SCAN_STAGE=true
ARG BUILDKIT_SBOM_SCAN_CONTEXT=true
FROM x AS build
RUN a
FROM y AS context
RUN b
FROM scratch
COPY --from=build / /
COPY --from=context / /
`
const sbom = { generator: 'g:1', parameters: [], given: '' }
const step = (stage: number, index: number, image: string | undefined): Step => ({
  ...{ stage, stages: 3, index, of: 2, text: '', image, hit: false, seconds: 0 },
})

async function requestOf(steps: readonly Step[], text = TEXT) {
  const source = { context: '/c', file: '/c/Dockerfile', dockerfile: parseDockerfile(text), target: undefined }
  let request: ReturnType<typeof scanRequest> | undefined
  const log = await logOf(() => {
    request = scanRequest(sbom, { inputs: inputsOf({}), source }, steps, {})
    return Promise.resolve()
  })
  return { request, log, source }
}

const build = [step(0, 0, undefined), step(0, 1, 'ab12')]

it('a stage is the image of its last step, and one that is called context stands before the context', async () => {
  const { request, log } = await requestOf([...build, step(1, 0, undefined), step(1, 1, 'cd34')])
  expect(request).toStrictEqual({
    ...{ generator: 'g:1', parameters: [], context: undefined },
    stages: [
      { name: 'build', image: 'ab12' },
      { name: 'context', image: 'cd34' },
    ],
  })
  expect(log).toBe('')
})

it.each([
  ['has no step', [step(1, 0, 'ef56')]],
  ['has a step whose image is not known', [step(1, 0, undefined), step(1, 1, undefined)]],
  ['did not come to its end', [step(1, 0, undefined), { ...step(1, 1, 'cd34'), of: 3 }]],
])('a stage is left out, with a warning, where it %s', async (_, steps) => {
  const { request, log, source } = await requestOf([...build, ...steps])
  expect(request?.stages).toStrictEqual([{ name: 'build', image: 'ab12' }])
  expect(request?.context).toBe(source)
  expect(log).toContain(`::warning::SBOM: stage "context" isn't scanned`)
})
