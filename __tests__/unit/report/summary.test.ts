import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { reportCache } from '../../../src/report/cache-stats.js'
import { renderSummary, type SummaryFacts } from '../../../src/report/summary.js'

const digest = `sha256:${'ab'.repeat(32)}`
const cache = reportCache({
  steps: [
    { hit: true, savedSeconds: 9 },
    { hit: false, savedSeconds: 0 },
  ],
  restored: { parts: 2, bytes: 5_000_000, seconds: 1.5 },
  saved: { parts: 1, bytes: 1000, seconds: 0.5 },
  requests: 3,
})
const facts: SummaryFacts = {
  references: [
    { reference: 'ghcr.io/acme/web:1.4.2', digest },
    { reference: 'ghcr.io/acme/web:latest', digest: undefined },
  ],
  pulls: [`ghcr.io/acme/web@${digest}`],
  engine: 'Buildah 1.43.2',
  rootless: true,
  cache,
  phases: [
    { name: 'setup', started: 0, seconds: 0.35 },
    { name: 'build', started: 2, seconds: 10.5 },
    { name: 'push', started: 12.5, seconds: 1.234 },
  ],
  steps: [
    { text: 'FROM docker.io/library/debian:12', hit: false, seconds: 0 },
    { text: 'RUN apt-get install -y git', hit: true, seconds: 0.5 },
    { text: 'COPY --chown=1:1 src /srv', hit: false, seconds: 10 },
  ],
}

describe('renderSummary', () => {
  it('shows names and digests, how to pull, what built, and what took how long', () => {
    expect(renderSummary(facts)).toBe(`### Image

| Image | Digest |
| --- | --- |
| \`ghcr.io/acme/web:1.4.2\` | \`${digest}\` |
| \`ghcr.io/acme/web:latest\` |  |

\`\`\`sh
docker pull ghcr.io/acme/web@${digest}
\`\`\`

Built by Buildah 1.43.2, without root. Cache: 1 of 2 steps were there, which took 9.0 s when they ran; restoring and saving took 2.0 s.

\`\`\`mermaid
gantt
  title 13.7 s
  dateFormat x
  axisFormat %M:%S
  section setup
    setup :0, 350
  section build
    build :2000, 12500
    1 FROM docker.io/library/debian 12 :active, 2000, 2001
    2 RUN apt-get install -y git :done, 2000, 2500
    3 COPY --chown=1 1 src /srv :active, 2500, 12500
  section push
    push :12500, 13734
\`\`\`
`)
  })

  it('of an image without a name, a cache and a push', () => {
    const text = renderSummary({
      ...facts,
      ...{ references: [], pulls: [], rootless: false, steps: [], phases: [] },
      cache: { hit: 'none', stats: {} },
    })
    expect(text).toContain('The image has no name.')
    expect(text).toContain('Built by Buildah 1.43.2, as root.\n')
    expect(text).not.toMatch(/docker pull|Cache/)
    expect(text).toContain('title 0.0 s')
  })

  it('shows the first steps of very many', () => {
    const steps = Array.from({ length: 80 }, (_, number) => ({ text: `RUN ${number}`, hit: true, seconds: 1 }))
    const lines = renderSummary({ ...facts, steps }).split('\n')
    expect(lines.filter((line) => line.includes(' RUN '))).toHaveLength(50)
    expect(lines).toContain('    30 more :82000, 82001')
  })

  it('any step is one line of the chart, with nothing that could end it or mean something else', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('```', '\n```\n# forged', '<img src=x>', 'a:b;c#d', '%%{init}%%', '::error::x', 'section x'),
    )
    fc.assert(
      fc.property(
        fc.array(fc.record({ text, hit: fc.boolean(), seconds: fc.double({ min: 0, max: 1e4, noNaN: true }) })),
        (steps) => {
          const plain = renderSummary({ ...facts, steps: [] }).split('\n')
          const lines = renderSummary({ ...facts, steps: steps.slice(0, 50) }).split('\n')
          const at = plain.indexOf('    build :2000, 12500') + 1
          const own = lines.slice(at, lines.length - (plain.length - at))
          expect([...lines.slice(0, at), ...lines.slice(lines.length - (plain.length - at))]).toStrictEqual(plain)
          expect(own).toHaveLength(Math.min(50, steps.length))
          for (const line of own) expect(line).toMatch(/^ {4}\d+[\p{L}\p{N} ./_=@…-]* :(done|active), \d+, \d+$/u)
          for (const line of own) {
            const [, from, to] = /(\d+), (\d+)$/.exec(line) ?? []
            expect(Number(to)).toBeGreaterThan(Number(from))
          }
        },
      ),
    )
  })
})
