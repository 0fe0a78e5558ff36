/**
 * Writes the tables of inputs and outputs in README.md from action.yml:
 *
 *   node scripts/tables.mjs
 *
 * A unit test holds what is there against what this gives.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

const columns = {
  inputs: ['Name', 'Description', 'Default'],
  outputs: ['Name', 'Description'],
}

/** The text of a README with its two tables as the text of action.yml gives them; pure. */
export function fillTables(readme, action) {
  const { inputs, outputs } = parse(action)
  return fill(fill(readme, 'inputs', inputRows(inputs)), 'outputs', outputRows(outputs))
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

function outputRows(outputs) {
  return Object.entries(outputs).map(([name, { description }]) => [code(name), description])
}

function code(text) {
  return `\`${text}\``
}

function cell(text) {
  // Also within a code span only a backslash keeps the bar from ending the cell.
  return text.trim().replaceAll(/\s+/g, ' ').replaceAll('|', '\\|')
}

function fill(readme, name, rows) {
  const begin = `<!-- ${name}: made from action.yml by \`npm run tables\` -->`
  const end = `<!-- end of ${name} -->`
  const [before, rest] = splitOnce(readme, begin)
  const [, after] = splitOnce(rest, end)
  // Without these lines, prettier would pad every cell to the longest.
  const table = ['<!-- prettier-ignore-start -->', renderTable(columns[name], rows), '<!-- prettier-ignore-end -->']
  return [before + begin, '', ...table, '', end + after].join('\n')
}

function splitOnce(text, marker) {
  const at = text.indexOf(marker)
  if (at < 0) throw new Error(`README.md has no line ${marker}`)
  return [text.slice(0, at), text.slice(at + marker.length)]
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url))
  const readme = readFileSync(path('README.md'), 'utf8')
  writeFileSync(path('README.md'), fillTables(readme, readFileSync(path('action.yml'), 'utf8')))
}
