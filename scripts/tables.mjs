/**
 * Writes the tables of inputs, secrets and outputs, in README.md from action.yml, and in docs/workflows.md from the
 * reusable workflow:
 *
 *   node scripts/tables.mjs
 *
 * Unit tests hold what is there against what this gives.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

const WORKFLOW = '.github/workflows/build-image.yml'

/** The text of a README with its two tables as the text of action.yml gives them; pure. */
export function fillTables(readme, action) {
  const { inputs, outputs } = parse(action)
  return fill(readme, 'action.yml', {
    inputs: [['Name', 'Description', 'Default'], inputRows(inputs)],
    outputs: [['Name', 'Description'], describedRows(outputs)],
  })
}

/** The same for a document about a reusable workflow; pure. */
export function fillWorkflowTables(document, workflow) {
  const { inputs, secrets, outputs } = parse(workflow).on.workflow_call
  return fill(document, WORKFLOW, {
    inputs: [['Name', 'Description', 'Type', 'Default'], typedRows(inputs)],
    secrets: [['Name', 'Description'], describedRows(secrets)],
    outputs: [['Name', 'Description'], describedRows(outputs)],
  })
}

/** A table in GitHub's Markdown; cells are Markdown themselves, of one line or several. Pure. */
export function renderTable(header, rows) {
  return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n')
}

function inputRows(inputs) {
  return Object.entries(inputs).map(([name, { description, default: value }]) => [
    code(name),
    description,
    value === undefined ? '' : code(value),
  ])
}

function typedRows(inputs) {
  return Object.entries(inputs).map(([name, { description, type, default: value }]) => [
    code(name),
    description,
    type,
    value === '' ? '' : code(value),
  ])
}

function describedRows(described) {
  return Object.entries(described).map(([name, { description }]) => [code(name), description])
}

function code(text) {
  return `\`${text}\``
}

function cell(text) {
  // Also within a code span only a backslash keeps the bar from ending the cell.
  return text.trim().replaceAll(/\s+/g, ' ').replaceAll('|', '\\|')
}

function fill(document, source, tables) {
  return Object.entries(tables).reduce((text, [name, [header, rows]]) => {
    const begin = `<!-- ${name}: made from ${source} by \`npm run tables\` -->`
    const end = `<!-- end of ${name} -->`
    const [before, rest] = splitOnce(text, begin)
    const [, after] = splitOnce(rest, end)
    // Without these lines, prettier would pad every cell to the longest.
    const table = ['<!-- prettier-ignore-start -->', renderTable(header, rows), '<!-- prettier-ignore-end -->']
    return [before + begin, '', ...table, '', end + after].join('\n')
  }, document)
}

function splitOnce(text, marker) {
  const at = text.indexOf(marker)
  if (at < 0) throw new Error(`The document has no line ${marker}`)
  return [text.slice(0, at), text.slice(at + marker.length)]
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url))
  const read = (name) => readFileSync(path(name), 'utf8')
  writeFileSync(path('README.md'), fillTables(read('README.md'), read('action.yml')))
  writeFileSync(path('docs/workflows.md'), fillWorkflowTables(read('docs/workflows.md'), read(WORKFLOW)))
}
