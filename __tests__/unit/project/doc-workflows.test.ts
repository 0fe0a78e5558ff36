import { expect, test } from '@jest/globals'

// A script has no types; in a variable, its path is not one that TypeScript looks up.
const script = '../../../scripts/doc-workflows.mjs'
const { completeWorkflow } = (await import(script)) as { readonly completeWorkflow: (block: unknown) => unknown }

const around = (job: object) => ({ on: 'push', jobs: { job: { 'runs-on': 'ubuntu-latest', ...job } } })

test.each([
  ['a workflow', { on: 'schedule', jobs: {} }, { on: 'schedule', jobs: {} }],
  ['jobs', { jobs: {} }, { on: 'push', jobs: {} }],
  ['steps', [{ run: 'a' }], around({ steps: [{ run: 'a' }] })],
  ['a container', { container: 'a' }, around({ container: 'a', steps: [{ run: 'true' }] })],
  ['something else', { securityContext: {} }, undefined],
  ['nothing', null, undefined],
])('%s', (_, block, workflow) => {
  expect(completeWorkflow(block)).toStrictEqual(workflow)
})
