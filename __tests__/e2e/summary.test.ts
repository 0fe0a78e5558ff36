import fc from 'fast-check'
import { afterAll, expect, jest, test } from '@jest/globals'

import lt from 'semver/functions/lt.js'

import { LABELS_ARE_INSTRUCTIONS } from '../../src/dockerfile/known-wrong.js'
import { reportCache } from '../../src/report/cache-stats.js'
import { renderSummary } from '../../src/report/summary.js'
import { systemVersion } from '../harness/built-buildah.js'
import { fail, succeed } from '../harness/clean-step.js'
import { hostileText, seeds } from '../harness/hostile-texts.js'
import { testUnless } from '../harness/skipping.js'
import { findBrowser, markdown, readCharts, showSummary } from '../harness/summary-page.js'
import { exhaustively } from '../harness/test-set.js'
import { openWarmPlace } from '../harness/warm-steps.js'

jest.setTimeout(180_000)

const place = await openWarmPlace()
afterAll(() => place.stop())

const browser = findBrowser()
const lines = [
  'COPY first.txt /srv/',
  `RUN echo "a: b; c # d" && sleep 1 && head -c 3000000 /dev/urandom > /srv/big`,
  'COPY second.txt /srv/',
  'RUN sleep 0.5; wc -c < /srv/big',
]
const job = (second: string, inputs: Readonly<Record<string, string>> = {}) =>
  place.job('summary', lines, {
    files: { 'first.txt': 'first', 'second.txt': second },
    inputs: { tags: '1.4.2\nlatest', ...inputs },
  })

const facts = {
  ...{
    references: [],
    pulls: [],
    verifications: [],
    engine: 'Buildah 1.43.2',
    rootless: true,
    warnings: [],
    platforms: [],
    tests: 0,
  },
  cache: reportCache({
    steps: [],
    restored: { parts: 0, bytes: 0, seconds: 0 },
    saved: { parts: 0, bytes: 0, seconds: 0 },
    requests: 0,
  }),
  phases: [
    { name: 'build', started: 0, seconds: 10 },
    { name: 'push', started: 10, seconds: 1 },
  ],
}
const chartOf = (summary: string) => /```mermaid\n([^]*?)```/.exec(summary)?.[1] ?? ''

/** A cell of a table, without its tags. */
const cellsOf = (dom: string) =>
  [...dom.matchAll(/<td[^>]*>([^]*?)<\/td>/g)].map(([, cell = '']) => cell.replaceAll(/<[^>]*>/g, ''))

testUnless(typeof browser === 'string' ? browser : undefined)(
  'the summary of a second build shows names, digests, size, cache, warnings and a chart in a browser',
  async () => {
    await succeed(job('one'))
    // The cache refuses to take anything: that is warned of.
    const fault = place.service.script({ call: 'CreateCacheEntry', answer: { status: 403 } })
    const step = await succeed(job('two'))
    fault.end()
    const dom = await showSummary(step.summary, (browser as { program: string }).program)
    const digest = step.outputs['digest'] ?? ''
    expect(cellsOf(dom)).toStrictEqual(
      ['1.4.2', 'latest'].flatMap((tag) => [`${place.proxy.host}/acme/summary:${tag}`, digest]),
    )
    expect(dom).toContain(`docker pull ${place.proxy.host}/acme/summary@${digest}`)
    expect(dom).toMatch(/<strong>Size:<\/strong> \d+\.\d MB in 5 layers/)
    expect(dom).toMatch(/<strong>Cache:<\/strong> 2\/4 steps hit/)
    expect(dom).toMatch(/<h4>Warnings<\/h4>\s*<ul>\s*<li><code>Cache: /)
    // Mermaid draws a picture of a bomb where it can't read a chart.
    expect(dom).toMatch(/<svg[^>]*aria-roledescription="gantt"/)
    expect(dom).not.toMatch(/class="error-icon"|Syntax error in text/)
    // One instruction for each label, until it is one for all of them.
    const labels = lt(systemVersion(), LABELS_ARE_INSTRUCTIONS) ? '6 LABEL and 7 more' : '6 LABEL'
    for (const name of ['restore', 'build', 'push', '3 RUN echo a b c d sleep 1 head -c 3000000', labels])
      expect(dom).toContain(name)
    expect(dom).toContain('Steps from the cache are grey.')
  },
)

testUnless(typeof browser === 'string' ? browser : undefined)(
  'the summary of a build that fails shows where, why, and what the step printed, of which nothing is HTML',
  async () => {
    const forged = [
      "RUN printf '\\n```\\n<img src=x>\\n::notice::forged\\n%s hunter2\\n' '</code></pre>'; nosuchprogram",
    ]
    const step = await fail(place.job('summary', forged, { inputs: { secrets: 'key=hunter2' } }))
    const dom = await showSummary(step.summary, (browser as { program: string }).program)
    expect(dom).toMatch(/<h3>Build failed<\/h3>\s*<p><code>The build failed\.<\/code>/)
    expect(dom).toMatch(/<strong>Line:<\/strong> \d+ of <code>Dockerfile<\/code>/)
    expect(dom).toMatch(/<strong>Build step:<\/strong> <code>RUN printf /)
    // The runner masks what it finds in the file as it is.
    expect(dom).toMatch(
      /<code[^>]*>buildah build ended[^<]*\n```\n&lt;img src=x&gt;\n::notice::forged\n&lt;\/code&gt;&lt;\/pre&gt; hunter2\n/,
    )
    expect(dom).toContain('<strong>What to do:</strong>')
    expect(dom).toMatch(/<svg[^>]*aria-roledescription="gantt"/)
    expect(dom).toMatch(/class="[^"]*\bcrit\d/)
    expect(dom).not.toMatch(/<img|class="error-icon"|Syntax error in text/)
    expect(step.outputs).toStrictEqual({})
  },
)

testUnless(typeof browser === 'string' ? browser : undefined)(
  'Mermaid reads a chart with any steps, and takes nothing of them for more than a name',
  async () => {
    const step = fc.record({
      text: hostileText,
      hit: fc.boolean(),
      seconds: fc.double({ min: 0, max: 100, noNaN: true }),
    })
    const builds = seeds.flatMap(([, seed]) => fc.sample(fc.array(step, { maxLength: 5 }), { seed, numRuns: 150 }))
    // Labels would be put together.
    const named = builds.map((steps) => steps.map((one) => ({ ...one, text: `RUN ${one.text}` })))
    const charts = named.map((steps) => chartOf(renderSummary({ ...facts, steps })))
    const read = await readCharts([...charts, 'gantt\n  nonsense: :'], (browser as { program: string }).program)
    // It does see what is wrong.
    expect(read.at(-1)).toHaveProperty('error')
    for (const [index, steps] of named.entries()) {
      const { error, sections, tasks = [] } = read[index] ?? {}
      const message = `seeds ${seeds.map(([, seed]) => seed).join(', ')}: ${JSON.stringify(steps)}`
      expect([message, error, sections]).toStrictEqual([message, undefined, ['build', 'push']])
      const numbers = tasks.map((task) => /^(\d+) RUN\b.*?( \(no time\))?$/.exec(task)?.slice(1) ?? task)
      expect([message, numbers]).toStrictEqual([
        message,
        ['10.0 s', ...steps.map((_, number) => [`${number + 1}`, undefined]), '1.0 s'],
      ])
    }
  },
)

exhaustively(test)('nothing is written with `summary: false`', async () => {
  expect((await succeed(job('one', { summary: 'false' }))).summary).toBe('')
  expect((await fail(job('one', { summary: 'false', target: 'nowhere' }))).summary).toBe('')
})

exhaustively(test)('the summary is Markdown without any HTML', async () => {
  const { summary } = await succeed(job('one'))
  expect(markdown.parse(summary, {}).filter(({ type }) => type.startsWith('html'))).toStrictEqual([])
})
