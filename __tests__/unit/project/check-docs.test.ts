import { describe, expect, test } from '@jest/globals'

interface Repository {
  readonly documents: ReadonlyMap<string, string>
  readonly exists: (path: string) => boolean
  readonly read: (path: string) => string
}

// A script has no types; in a variable, its path is not one that TypeScript looks up.
const script = '../../../scripts/check-docs.mjs'
const { findProblems, readRepository, anchorsOf, linksOf, blocksOf } = (await import(script)) as {
  readonly findProblems: (repository: Repository) => string[]
  readonly readRepository: () => Repository
  readonly anchorsOf: (text: string) => Set<string>
  readonly linksOf: (text: string) => string[]
  readonly blocksOf: (text: string, languages: readonly string[]) => { content: string; line: number }[]
}

const files: Readonly<Record<string, string>> = {
  'action.yml': 'inputs: {images: {}, push: {}}',
  '.github/workflows/build-image.yml': 'on: {workflow_call: {inputs: {images: {}}, secrets: {password: {}}}}',
  '__tests__/e2e/demo.test.ts': 'scripts/demo.mjs',
  '__tests__/e2e/readme.test.ts': '',
  'docs/images/a.png': '',
}

/** A repository that has these documents beside a README.md that is as it should be. */
function problemsOf(documents: Readonly<Record<string, string>>): string[] {
  const all = new Map(Object.entries({ 'README.md': '# Title\n', ...documents }))
  return findProblems({
    documents: all,
    exists: (path) => all.has(path) || path in files,
    read: (path) => files[path] ?? '',
  })
}

const fence = (language: string, content: string) => `\`\`\`${language}\n${content}\n\`\`\`\n`

test('the documents of this repository have no problems', () => {
  expect(findProblems(readRepository())).toStrictEqual([])
})

test.each(['<<<<<<< HEAD', '| =======    |', '>>>>>>> 68bfd46', '> > > > > > > 68bfd46'])(
  'a document with what is left of a merge: %s',
  (mark) => {
    expect(problemsOf({ 'README.md': `# Title\n\n${mark}\n` })).toStrictEqual([
      'README.md:3 has what is left of a merge',
    ])
  },
)

test('a document with another apostrophe', () => {
  expect(problemsOf({ 'README.md': "# Title\n\nIt's it’s.\n" })).toStrictEqual([
    "README.md:3 has ’ where ' is the apostrophe",
  ])
})

describe('README.md', () => {
  test.each([
    ['220 lines', 'a\n'.repeat(220), []],
    ['221 lines', 'a\n'.repeat(221), [expect.stringContaining('README.md has 221 lines, at most 220 are allowed')]],
    ['1800 words', 'a '.repeat(1800), []],
    ['1801 words', 'a '.repeat(1801), [expect.stringContaining('README.md has 1801 words, at most 1800 are allowed')]],
  ])('with %s', (_, readme, wanted) => {
    expect(problemsOf({ 'README.md': readme })).toStrictEqual(wanted)
  })

  test('links to every page', () => {
    const pages = { 'docs/one.md': '# One\n', 'docs/two.md': '# Two\n', 'docs/adr/0001.md': '# Three\n' }
    expect(problemsOf({ 'README.md': '[one](docs/one.md#one)', ...pages })).toStrictEqual([
      'README.md has no link to docs/two.md',
    ])
  })

  test.each([
    ['node scripts/demo.mjs', undefined],
    ['npm run nonsense', 'README.md: no test is known to run `npm run nonsense`'],
    ['act --platform a=b', 'README.md: `act --platform a=b` is not run by __tests__/e2e/readme.test.ts'],
  ])('with the command %s', (command, wanted) => {
    const problems = problemsOf({ 'README.md': fence('sh', command) })
    expect(problems).toStrictEqual(wanted === undefined ? [] : [expect.stringContaining(wanted)])
  })
})

describe('links', () => {
  const pages = { 'README.md': '# A\n\n[b](docs/b.md)\n', 'docs/b.md': '' }

  test.each([
    ['[a](../README.md#a)', undefined],
    ['[a](../README.md#b)', 'docs/b.md: the link to ../README.md#b leads to no heading'],
    ['[a](README.md)', 'docs/b.md: the link to README.md leads nowhere'],
    ['[a](#a)', 'docs/b.md: the link to #a leads to no heading'],
    ['# A\n\n[a](#a)', undefined],
    ['![a](images/a.png)', undefined],
    ['![a](images/b.png)', 'docs/b.md: the link to images/b.png leads nowhere'],
    ['<a href="c.md">c</a>', 'docs/b.md: the link to c.md leads nowhere'],
    ['[a][1]\n\n[1]: c.md', 'docs/b.md: the link to c.md leads nowhere'],
    ['`[a](c.md)` [a](https://example.com/c.md) <mailto:ada@example.com>', undefined],
    [fence('text', '[a](c.md)'), undefined],
  ])('in %j', (text, wanted) => {
    expect(problemsOf({ ...pages, 'docs/b.md': text })).toStrictEqual(wanted === undefined ? [] : [wanted])
  })

  test('are found where Markdown has them', () => {
    expect(linksOf('- [a](b)\n\n| c |\n| - |\n| [d](e) |\n\n<img src="f">')).toStrictEqual(['b', 'e', 'f'])
  })

  test('lead to headings by the anchors that GitHub gives them', () => {
    const titles = ["What Docker doesn't do", 'From docker/build-push-action', '`a_b` and *c*', 'Twice', 'Twice']
    expect([...anchorsOf(titles.map((title) => `## ${title}\n`).join('\n'))]).toStrictEqual([
      'what-docker-doesnt-do',
      'from-dockerbuild-push-action',
      'a_b-and-c',
      'twice',
      'twice-1',
    ])
  })
})

describe('blocks', () => {
  const step = (input: string) => `- uses: OWNER/rootless-image-build@v1\n  with:\n    ${input}: a`
  const call = (part: string) => `uses: OWNER/rootless-image-build/.github/workflows/build-image.yml@v1\n${part}`

  test.each([
    ['yaml', step('images'), undefined],
    ['yaml', step('image'), 'README.md:1: the action has no with: image'],
    ['yaml', `jobs:\n  a:\n    steps:\n      ${step('image').replaceAll('\n', '\n      ')}`, 'has no with: image'],
    ['yaml', call('with: {images: a}\nsecrets: {password: a}'), undefined],
    ['yaml', call('secrets: inherit'), undefined],
    ['yaml', call('with: {push: a}'), 'README.md:1: the workflow has no with: push'],
    ['yaml', call('secrets: {token: a}'), 'README.md:1: the workflow has no secrets: token'],
    ['yaml', 'uses: actions/checkout@v7\nwith: {any: thing}', undefined],
    ['yaml', 'a: [', 'README.md:1: '],
    ['yaml', 'a: 1\na: 2', 'README.md:1: Map keys must be unique'],
    ['json', '{"a": 1}', undefined],
    ['json', '{"a": 1', 'README.md:1: '],
    ['text', 'a: [', undefined],
  ])('of %s: %j', (language, content, wanted) => {
    const problems = problemsOf({ 'README.md': fence(language, content) })
    expect(problems).toStrictEqual(wanted === undefined ? [] : [expect.stringContaining(wanted)])
  })

  test('are found in lists, too', () => {
    expect(blocksOf('1. One\n\n   ```yaml\n   a:\n     b\n   ```\n', ['yaml'])).toStrictEqual([
      { content: 'a:\n  b\n', line: 3 },
    ])
  })
})
