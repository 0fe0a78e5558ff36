/**
 * Writes the tables of inputs, secrets and outputs:
 *
 *   node scripts/tables.mjs
 *
 * README.md, docs/inputs.md and docs/outputs.md get them from action.yml, docs/workflows.md from the reusable workflow,
 * docs/migrating.md from src/runner/peer-inputs.ts, what inputs affect from src/runner/input-table.ts, what Buildah gets
 * wrong, in docs/engines.md, from src/dockerfile/known-wrong.ts. Unit tests compare the documents with what this writes.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse, parseDocument } from 'yaml'

const WORKFLOW = '.github/workflows/build-image.yml'
const PEERS = 'src/runner/peer-inputs.ts'
const KNOWN = 'src/dockerfile/known-wrong.ts'
/** Where the code lies that Node can import. */
const COMPILED = 'node_modules/.cache/tables'
const AFFECTS = { 'run-steps': 'RUN steps', image: 'Image', nothing: '' }
/** What the action does about a row of what Buildah gets wrong. */
const ANSWERS = {
  key: 'Compared by the action',
  rewrite: 'Handed over in another form',
  'another Buildah': 'Another Buildah, or an error',
  warning: 'A warning',
  note: 'A line in the log',
}
/** The tables of docs/migrating.md by name, and whose inputs are in each. */
const MIGRATING = {
  'build-push-action': ['docker/build-push-action'],
  'metadata-action': ['docker/metadata-action'],
  'login-action': ['docker/login-action'],
  'redhat-actions': ['redhat-actions/buildah-build', 'redhat-actions/push-to-registry', 'redhat-actions/podman-login'],
}

/** README.md with the first sentence on each common input and each output, and the names of all other inputs. Pure. */
export function fillReadme(readme, action) {
  const [common, ...others] = readGroups(action)
  const names = (inputs) => inputs.map(([name]) => code(name)).join(', ')
  const groups = [
    `### ${common.title}\n\n${renderList(common.inputs)}`,
    `### More\n\n${others.map(({ title, inputs }) => `- ${title}: ${names(inputs)}`).join('\n')}`,
  ]
  return fill(readme, 'action.yml', {
    inputs: groups.join('\n\n'),
    outputs: renderList(Object.entries(parse(action).outputs)),
  })
}

/** docs/inputs.md with a table for each group of inputs. @param rows of the table of inputs, by name. Pure. */
export function fillInputs(document, action, rows) {
  const header = ['Input', 'Description', 'Default', 'Affects']
  const groups = readGroups(action).map(
    ({ title, inputs }) => `## ${title}\n\n${renderTable(header, inputRows(inputs, rows))}`,
  )
  return fill(document, 'action.yml', { inputs: unformatted(groups.join('\n\n')) })
}

/** docs/outputs.md with its table. Pure. */
export function fillOutputs(document, action) {
  return fill(document, 'action.yml', { outputs: describedTable('Output', parse(action).outputs) })
}

/** docs/workflows.md with its tables. Pure. */
export function fillWorkflowTables(document, workflow) {
  const { inputs, secrets, outputs } = parse(workflow).on.workflow_call
  return fill(document, WORKFLOW, {
    inputs: unformatted(renderTable(['Input', 'Description', 'Type', 'Default'], typedRows(inputs))),
    secrets: describedTable('Secret', secrets),
    outputs: describedTable('Output', outputs),
  })
}

/** docs/migrating.md with the inputs of each peer that the action doesn't have. Pure. */
export function fillMigrating(document, peerInputs) {
  const tables = Object.entries(MIGRATING).map(([name, peers]) => {
    const rows = peerInputs.filter((row) => row.peers.some((peer) => peers.includes(peer)))
    return [name, unformatted(renderTable(['Input', 'Instead', 'Ignored, with a warning'], rows.map(peerRow)))]
  })
  return fill(document, PEERS, Object.fromEntries(tables))
}

/** docs/engines.md with what Buildah gets wrong. @param rows of the table, by name. Pure. */
export function fillEngines(document, rows) {
  const header = ['What', 'Buildah', 'What it makes of it', 'Here']
  const cells = Object.values(rows).map((row) => [row.what, rangeOf(row), row.wrong, ANSWERS[row.answer]])
  return fill(document, KNOWN, { 'known wrong': unformatted(renderTable(header, cells)) })
}

function rangeOf({ since, until }) {
  if (until !== undefined) return since === undefined ? `below ${until}` : `${since} to below ${until}`
  return since === undefined ? 'all' : `${since} and later`
}

function peerRow({ name, instead, harmless }) {
  return [code(name), instead, typeof harmless === 'string' ? harmless : harmless.says]
}

/** The inputs of an action in groups, in its order: a comment above an input begins a group and is its title. Pure. */
export function readGroups(action) {
  const inputs = parseDocument(action).get('inputs')
  // The parser gives the first comment to the map and the others to the keys below them.
  const titles = inputs.items.map(({ key }, index) => (index === 0 ? inputs.commentBefore : key.commentBefore))
  if (!titles[0]) throw new Error('The first input is in no group: write a comment above it, the title of the group')
  const entries = Object.entries(inputs.toJSON())
  const starts = titles.flatMap((title, index) => (title ? [index] : []))
  return starts.map((start, group) => ({
    title: titles[start].trim(),
    inputs: entries.slice(start, starts[group + 1]),
  }))
}

/** A table in GitHub's Markdown; cells are Markdown themselves, of one line or several. Pure. */
export function renderTable(header, rows) {
  return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n')
}

/** What stands up to the first full stop that ends a word; the ones in `1.2.3` and `image.tar` don't. Pure. */
export function firstSentence(text) {
  return /^[^]*?\.(?=\s|$)/.exec(text)?.[0] ?? text
}

function renderList(described) {
  return described
    .map(([name, { description, default: value }]) => {
      const suffix = value === undefined ? '' : ` Default: ${code(value)}`
      return `- ${code(name)}: ${oneLine(firstSentence(description))}${suffix}`
    })
    .join('\n')
}

function describedTable(kind, described) {
  const rows = Object.entries(described).map(([name, { description }]) => [code(name), description])
  return unformatted(renderTable([kind, 'Description'], rows))
}

function inputRows(inputs, rows) {
  return inputs.map(([name, { description, default: value }]) => [
    code(name),
    description,
    value === undefined ? '' : code(value),
    AFFECTS[rows[name].affects],
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

function code(text) {
  return `\`${text}\``
}

function oneLine(text) {
  return text.trim().replaceAll(/\s+/g, ' ')
}

function cell(text) {
  // Also within a code span only a backslash keeps the bar from ending the cell.
  return oneLine(text).replaceAll('|', '\\|')
}

/** Markdown that prettier leaves as it is: it would pad every cell to the longest. */
function unformatted(markdown) {
  return ['<!-- prettier-ignore-start -->', markdown, '<!-- prettier-ignore-end -->'].join('\n')
}

function fill(document, source, contents) {
  return Object.entries(contents).reduce((text, [name, content]) => {
    const begin = `<!-- ${name}: made from ${source} by \`npm run tables\` -->`
    const end = `<!-- end of ${name} -->`
    const [before, rest] = splitOnce(text, begin)
    const [, after] = splitOnce(rest, end)
    return [before + begin, '', content, '', end + after].join('\n')
  }, document)
}

function splitOnce(text, marker) {
  const at = text.indexOf(marker)
  if (at < 0) throw new Error(`The document has no line ${marker}`)
  return [text.slice(0, at), text.slice(at + marker.length)]
}

/** The tables in the code. */
async function importCode(path) {
  const { default: ts } = await import('typescript')
  const compilerOptions = { module: 'esnext', target: 'es2022', verbatimModuleSyntax: true }
  const files = readdirSync(path('src'), { recursive: true }).filter((file) => file.endsWith('.ts'))
  for (const file of files) {
    const { outputText } = ts.transpileModule(readFileSync(path(`src/${file}`), 'utf8'), { compilerOptions })
    const compiled = path(`${COMPILED}/${file.replace(/ts$/, 'js')}`)
    mkdirSync(dirname(compiled), { recursive: true })
    writeFileSync(compiled, outputText)
  }
  writeFileSync(path(`${COMPILED}/package.json`), '{"type":"module"}')
  const modules = ['runner/input-table', 'runner/peer-inputs', 'dockerfile/known-wrong']
  const [inputs, peers, known] = await Promise.all(modules.map((name) => import(path(`${COMPILED}/${name}.js`))))
  return { ...inputs, ...peers, ...known }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url))
  const read = (name) => readFileSync(path(name), 'utf8')
  const write = (name, fillTables, source, more) =>
    writeFileSync(path(name), fillTables(read(name), read(source), more))
  const { INPUTS, PEER_INPUTS, KNOWN_WRONG } = await importCode(path)
  write('README.md', fillReadme, 'action.yml')
  write('docs/inputs.md', fillInputs, 'action.yml', INPUTS)
  write('docs/outputs.md', fillOutputs, 'action.yml')
  write('docs/workflows.md', fillWorkflowTables, WORKFLOW)
  writeFileSync(path('docs/migrating.md'), fillMigrating(read('docs/migrating.md'), PEER_INPUTS))
  writeFileSync(path('docs/engines.md'), fillEngines(read('docs/engines.md'), KNOWN_WRONG))
}
