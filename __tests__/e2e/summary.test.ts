import { afterAll, expect, jest, test } from '@jest/globals'

import { succeed } from '../harness/clean-step.js'
import { testUnless } from '../harness/skipping.js'
import { findBrowser, markdown, showSummary } from '../harness/summary-page.js'
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
    const { dom } = await showSummary(step.summary, (browser as { program: string }).program)
    const digest = step.outputs['digest'] ?? ''
    expect(cellsOf(dom)).toStrictEqual(
      ['1.4.2', 'latest'].flatMap((tag) => [`${place.proxy.host}/acme/summary:${tag}`, digest]),
    )
    expect(dom).toContain(`docker pull ${place.proxy.host}/acme/summary@${digest}`)
    expect(dom).toMatch(/<strong>Size:<\/strong> \d+\.\d MB in 5 layers/)
    expect(dom).toMatch(/<strong>Cache:<\/strong> 2 of 4 steps were there/)
    expect(dom).toMatch(/<h4>Warnings<\/h4>\s*<ul>\s*<li>Cache: /)
    // Mermaid draws a picture of a bomb where it can't read a chart.
    expect(dom).toMatch(/<svg[^>]*aria-roledescription="gantt"/)
    expect(dom).not.toMatch(/class="error-icon"|Syntax error in text/)
    for (const name of ['restore', 'build', 'push', '3 RUN echo a b c d sleep 1 head -c 3000000', '6 LABEL and 7 more'])
      expect(dom).toContain(name)
    expect(dom).toContain('Steps that came from the cache are grey.')
  },
)

test('nothing is written with `summary: false`', async () => {
  expect((await succeed(job('one', { summary: 'false' }))).summary).toBe('')
})

test('the summary is Markdown without any HTML', async () => {
  const { summary } = await succeed(job('one'))
  expect(markdown.parse(summary, {}).filter(({ type }) => type.startsWith('html'))).toStrictEqual([])
})
