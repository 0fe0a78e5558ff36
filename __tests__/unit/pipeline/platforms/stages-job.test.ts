import { expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../../src/dockerfile/dockerfile.js'
import type { Wanted } from '../../../../src/pipeline/engine.js'
import { findStagesJob } from '../../../../src/pipeline/platforms/stages-job.js'
import type { ResolvedEngine } from '../../../../src/engine/engine.js'
import { inputsOf } from '../../helpers.js'

const text = 'FROM --platform=$BUILDPLATFORM a AS x\nRUN make\nFROM scratch\nCOPY --from=x /a /a\n'
const engine = { takesStages: true, env: {} } as unknown as ResolvedEngine

function labelOf(dockerfile: string, values: Record<string, string>): string | undefined {
  const inputs = inputsOf({ platforms: 'linux/s390x,linux/riscv64', ...values })
  const source = { context: '/c', file: '/c/Dockerfile', dockerfile: parseDockerfile(dockerfile), target: undefined }
  return findStagesJob({ inputs, source } as unknown as Wanted, engine)?.label
}

it.each<[values: Record<string, string>, label: string | undefined]>([
  [{}, 'stage x'],
  // It names all that the image was built of, as it lies in one storage.
  [{ provenance: 'true' }, undefined],
  [{ 'extra-args': '--memory=1g' }, undefined],
  [{ platforms: 'linux/riscv64' }, undefined],
])('with %j, %s is built once', (values, label) => {
  expect(labelOf(text, values)).toBe(label)
})

const tools = 'FROM --platform=$BUILDPLATFORM a AS tools\nRUN head -c 9 /dev/urandom >/key\n'
const two = text.replace(
  'FROM scratch\n',
  'FROM --platform=$BUILDPLATFORM a AS y\nRUN b\nFROM scratch\nCOPY --from=y / /\n',
)

it('without reuse, no stage that two others need is built for each of them', () => {
  const common = `${tools}${two.replaceAll('RUN', 'COPY --from=tools /key /key\nRUN')}`
  expect(labelOf(common, {})).toBe('stage x, y')
  expect(labelOf(common, { 'no-cache': 'true' })).toBeUndefined()
  expect(labelOf(`${common}COPY --from=tools /key /\n`, { 'no-cache': 'true' })).toBeUndefined()
  expect(labelOf(two, { 'no-cache': 'true' })).toBe('stage x, y')
})
