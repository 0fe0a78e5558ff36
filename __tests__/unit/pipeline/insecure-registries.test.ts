import { expect, it } from '@jest/globals'
import type { KnownEngine } from '../../../src/engine/engine.js'
import { parseReference } from '../../../src/metadata/reference.js'
import { withInsecure } from '../../../src/pipeline/engine.js'
import type { PipelineContext } from '../../../src/pipeline/pipeline-context.js'

it('a registry of the references may be asked without TLS where the engine may, and no other one', async () => {
  const asked: string[] = []
  const resolveNames: KnownEngine['resolveNames'] = (names) => {
    asked.push(...names)
    return Promise.resolve({ candidates: new Map(), configuration: [], insecure: ['h.example:5000', 'mirror.example'] })
  }
  const credentials = { insecure: ['other.example'] }
  const references = ['h.example:5000/acme/web:1', 'h.example/acme/web:1'].map(parseReference)
  const pipeline = { credentials } as unknown as PipelineContext
  const { insecure } = (await withInsecure(pipeline, references, { resolveNames })).credentials
  expect(insecure).toStrictEqual(['other.example', 'h.example:5000'])
  expect(asked).toStrictEqual(['h.example:5000/acme/web:1', 'h.example/acme/web:1'])
})
