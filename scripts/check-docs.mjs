/**
 * Checks the documents, as a part of `npm run check`:
 *
 *   node scripts/check-docs.mjs
 *
 * README.md keeps its limits, and links to every page; every relative link and anchor leads somewhere; every block of YAML
 * or JSON can be parsed, and gives the action and the reusable workflow inputs that they have; every command in README.md
 * is run by a test; apostrophes are '. Prints what is wrong, one problem per line.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

import MarkdownIt from 'markdown-it'
import { parse, parseAllDocuments } from 'yaml'

const root = fileURLToPath(new URL('..', import.meta.url))
const markdown = new MarkdownIt({ html: true })

const limits = { lines: 220, words: 1800 }

/** Who runs the commands of README.md: a test, by its path, and what it says of them. */
const runBy = [
  { command: /^node scripts\/demo\.mjs$/, test: '__tests__/e2e/demo.test.ts', says: 'scripts/demo.mjs' },
  { command: /^act --platform /, test: '__tests__/e2e/readme.test.ts', says: "commandOf('act')" },
]

/** What is in a repository: texts of its documents by their paths, and whether a path is there. */
export function readRepository() {
  const below = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => join('docs', name))
  const paths = [...readdirSync(root), ...below].filter((path) => path.endsWith('.md'))
  const read = (path) => readFileSync(join(root, path), 'utf8')
  return {
    documents: new Map(paths.map((path) => [path, read(path)])),
    exists: (path) => existsSync(join(root, path)),
    read,
  }
}

/** All that is wrong in the documents, a sentence each; pure but for what `repository` reads. */
export function findProblems(repository) {
  const readme = repository.documents.get('README.md')
  const known = knownInputs(repository)
  const anchors = new Map([...repository.documents].map(([path, text]) => [path, anchorsOf(text)]))
  return [
    ...sizeProblems(readme),
    ...orphans(repository, readme),
    ...commandProblems(readme, repository),
    ...[...repository.documents].flatMap(([path, text]) => [
      ...linkProblems(path, text, { ...repository, anchors }),
      ...blockProblems(path, text, known),
      ...mergeProblems(path, text),
      ...apostropheProblems(path, text),
    ]),
  ]
}

/** Messages have the same, and whoever looks for one finds it. */
function apostropheProblems(path, text) {
  return text
    .split('\n')
    .flatMap((line, index) => (line.includes('’') ? [`${path}:${index + 1} has ’ where ' is the apostrophe`] : []))
}

function sizeProblems(readme) {
  const counts = { lines: readme.split('\n').length - 1, words: readme.split(/\s+/).filter(Boolean).length }
  return Object.entries(limits)
    .filter(([unit, most]) => counts[unit] > most)
    .map(
      ([unit, most]) => `README.md has ${counts[unit]} ${unit}, at most ${most} are allowed: move something to docs/`,
    )
}

/** What Git leaves of a merge; the formatter makes a quotation or a row of a table of some of it. */
function mergeProblems(path, text) {
  const lines = text.split('\n')
  const line = lines.findIndex((one) => /^(<{7} |\| ={7} |>{7} |(> ){6}> )/.test(one)) + 1
  return line === 0 ? [] : [`${path}:${line} has what is left of a merge`]
}

/** Pages that nobody finds who begins with README.md. */
function orphans({ documents }, readme) {
  const linked = new Set(linksOf(readme).map((link) => normalize(link.replace(/#.*/, ''))))
  return [...documents.keys()]
    .filter((path) => /^docs\/[^/]+$/.test(path) && !linked.has(path))
    .map((path) => `README.md has no link to ${path}`)
}

function commandProblems(readme, { exists, read }) {
  const commands = blocksOf(readme, ['sh', 'bash', 'shell', 'console']).flatMap(({ content }) =>
    content.trim().split('\n'),
  )
  return commands.flatMap((command) => {
    const found = runBy.find((entry) => entry.command.test(command))
    if (found === undefined)
      return [`README.md: no test is known to run \`${command}\`; see runBy in scripts/check-docs.mjs`]
    if (exists(found.test) && read(found.test).includes(found.says)) return []
    return [`README.md: \`${command}\` is not run by ${found.test}, which has no ${found.says}`]
  })
}

function linkProblems(path, text, { anchors, exists }) {
  const local = linksOf(text).filter((link) => !/^[a-z][a-z+.-]*:/i.test(link))
  return local.flatMap((link) => {
    const [file = '', anchor] = link.split('#')
    const target = file === '' ? path : normalize(join(dirname(path), decodeURI(file)))
    if (!exists(target)) return [`${path}: the link to ${link} leads nowhere`]
    if (anchor === undefined || anchors.get(target)?.has(anchor)) return []
    return [`${path}: the link to ${link} leads to no heading`]
  })
}

/** Addresses of links and pictures, in Markdown and in HTML, but not in code. */
export function linksOf(text) {
  const tokens = markdown.parse(text, {}).flatMap((token) => [token, ...(token.children ?? [])])
  return tokens.flatMap((token) => {
    const address = token.attrGet('href') ?? token.attrGet('src')
    const html = token.type.startsWith('html') ? token.content : ''
    return [
      ...(address === null ? [] : [address]),
      ...[...html.matchAll(/\b(?:href|src)="([^"]*)"/g)].map(([, one]) => one),
    ]
  })
}

/** The anchors that GitHub gives to the headings of a document. */
export function anchorsOf(text) {
  const tokens = markdown.parse(text, {})
  const titles = tokens.filter((_, index) => tokens[index - 1]?.type === 'heading_open')
  const seen = new Map()
  return new Set(
    titles.map(({ children }) => {
      const title = children.map(({ type, content }) => (/^(text|code_inline)$/.test(type) ? content : '')).join('')
      const slug = title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}_\- ]/gu, '')
        .replaceAll(' ', '-')
      const count = seen.get(slug) ?? 0
      seen.set(slug, count + 1)
      return count === 0 ? slug : `${slug}-${count}`
    }),
  )
}

/** Blocks of code in these languages, also those in lists, each with the line that it begins in. */
export function blocksOf(text, languages) {
  return markdown
    .parse(text, {})
    .filter(({ type, info }) => type === 'fence' && languages.includes(info.trim()))
    .map(({ content, map }) => ({ content, line: map[0] + 1 }))
}

function blockProblems(path, text, known) {
  const json = blocksOf(text, ['json']).flatMap(({ content, line }) => {
    try {
      JSON.parse(content)
      return []
    } catch (error) {
      return [`${path}:${line}: ${error.message}`]
    }
  })
  const yaml = blocksOf(text, ['yaml', 'yml']).flatMap(({ content, line }) =>
    parseAllDocuments(content).flatMap((document) => {
      const wrong = document.errors.length > 0 ? document.errors.map(({ message }) => message.split('\n')[0]) : []
      const unknown = wrong.length > 0 ? [] : unknownInputs(document.toJS(), known)
      return [...wrong, ...unknown].map((problem) => `${path}:${line}: ${problem}`)
    }),
  )
  return [...json, ...yaml]
}

function knownInputs({ read }) {
  const action = parse(read('action.yml'))
  const workflow = parse(read('.github/workflows/build-image.yml')).on.workflow_call
  return {
    action: { with: Object.keys(action.inputs), secrets: [] },
    workflow: { with: Object.keys(workflow.inputs), secrets: Object.keys(workflow.secrets) },
  }
}

/** Inputs and secrets that are given to this action or its workflow and that it doesn't have, wherever in a block. */
function unknownInputs(value, known) {
  if (typeof value !== 'object' || value === null) return []
  const kind = kindOf(value.uses)
  const own =
    kind === undefined ? [] : [...unknownIn(value, 'with', known[kind]), ...unknownIn(value, 'secrets', known[kind])]
  const problems = own.map((name) => `the ${kind} has no ${name}`)
  return [...problems, ...Object.values(value).flatMap((inner) => unknownInputs(inner, known))]
}

function kindOf(uses) {
  if (typeof uses !== 'string') return undefined
  if (uses.includes('/build-image.yml@')) return 'workflow'
  return uses.includes('/rootless-image-build@') ? 'action' : undefined
}

function unknownIn(step, part, known) {
  // `secrets: inherit` names none.
  const names = typeof step[part] === 'object' && step[part] !== null ? Object.keys(step[part]) : []
  return names.filter((name) => !known[part].includes(name)).map((name) => `${part}: ${name}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problems = findProblems(readRepository())
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exitCode = 1
}
