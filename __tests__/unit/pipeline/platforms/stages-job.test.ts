import { expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../../src/dockerfile/dockerfile.js'
import type { Wanted } from '../../../../src/pipeline/engine.js'
import { findStagesJob } from '../../../../src/pipeline/platforms/stages-job.js'
import type { ResolvedEngine } from '../../../../src/engine/engine.js'
import { inputsOf } from '../../helpers.js'

const text = 'FROM --platform=$BUILDPLATFORM a AS x\nRUN make\nFROM scratch\nCOPY --from=x /a /a\n'
const engine = { takesStages: true, env: {} } as unknown as ResolvedEngine

it.each<[values: Record<string, string>, label: string | undefined]>([
  [{}, 'stage x'],
  // It names all that the image was built of, as it lies in one storage.
  [{ provenance: 'true' }, undefined],
  [{ 'extra-args': '--memory=1g' }, undefined],
  [{ platforms: 'linux/riscv64' }, undefined],
])('with %j, %s is built once', (values, label) => {
  const inputs = inputsOf({ platforms: 'linux/s390x,linux/riscv64', ...values })
  const source = { context: '/c', file: '/c/Dockerfile', dockerfile: parseDockerfile(text), target: undefined }
  const wanted = { inputs, source } as unknown as Wanted
  expect(findStagesJob(wanted, engine)?.label).toBe(label)
})
