/**
 * Writes every block of YAML in the documents as a workflow of its own, for actionlint:
 *
 *   node scripts/doc-workflows.mjs FOLDER
 *
 * A block that is only jobs, steps or a container is completed to a workflow. What is about something else is left out,
 * and named on standard error.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { parse, stringify } from 'yaml'

import { blocksOf, readRepository } from './check-docs.mjs'

/** The workflow that a block of YAML is, or is a part of; undefined for what is none. Pure. */
export function completeWorkflow(block) {
  if (Array.isArray(block)) return workflowWith({ steps: block })
  if (block?.jobs !== undefined) return { on: 'push', ...block }
  if (block?.container !== undefined) return workflowWith({ ...block, steps: [{ run: 'true' }] })
  return undefined
}

function workflowWith(job) {
  return { on: 'push', jobs: { job: { 'runs-on': 'ubuntu-latest', ...job } } }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2]
  if (folder === undefined) throw new Error('Name the folder: node scripts/doc-workflows.mjs FOLDER')
  for (const [path, text] of readRepository().documents) {
    for (const { content, line } of blocksOf(text, ['yaml', 'yml'])) {
      const workflow = completeWorkflow(parse(content))
      const name = `${path.replaceAll('/', '-')}-line-${line}.yml`
      if (workflow === undefined) console.error(`${path}:${line} is no part of a workflow.`)
      else writeFileSync(join(folder, name), stringify(workflow))
    }
  }
}
