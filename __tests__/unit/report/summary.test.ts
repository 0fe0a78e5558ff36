import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { reportCache } from '../../../src/report/cache-stats.js'
import { renderSummary, type SummaryFacts } from '../../../src/report/summary.js'
import { runs } from '../../harness/properties.js'

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
  verifications: [`gh attestation verify oci://ghcr.io/acme/web@${digest} --repo acme/web`],
  engine: 'Buildah 1.43.2',
  rootless: true,
  tests: 2,
  size: { layers: 3, bytes: 76_200_300 },
  platforms: [],
  warnings: ['Cache: *no* part was taken.\nWrite `cache-write: never`.', '</details>', '![x](https://example.org/y)'],
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
gh attestation verify oci://ghcr.io/acme/web@${digest} --repo acme/web
\`\`\`

- **Size:** 76.2 MB in 3 layers, uncompressed
- **Built by:** Buildah 1.43.2, rootless
- **Test:** 2 commands passed
- **Cache:** 1/2 steps hit, about 9.0 s saved; restore and save took 2.0 s
- **Cache transfers:** 5.0 MB in 2 parts restored, 1.0 kB in 1 part saved

#### Warnings

- \`\`Cache: *no* part was taken. Write \`cache-write: never\`.\`\`
- \`</details>\`
- \`![x](https://example.org/y)\`

Steps from the cache are grey.

\`\`\`mermaid
gantt
  title 13.7 s
  dateFormat x
  axisFormat %-S s
  tickInterval 1second
  section setup
    0.3 s :0, 350
  section build
    10.5 s :2000, 12500
    1 FROM docker.io/library/debian 12 :active, 2000, 2001
    2 RUN apt-get install -y git — 0.5 s :done, 2000, 2500
    3 COPY --chown=1 1 src /srv — 10.0 s :active, 2500, 12500
  section push
    1.2 s :12500, 13734
\`\`\`
`)
  })

  it('of an image without a name, a cache and a push', () => {
    const text = renderSummary({
      ...facts,
      ...{
        references: [],
        pulls: [],
        verifications: [],
        rootless: false,
        steps: [],
        phases: [],
        size: undefined,
        warnings: [],
      },
      cache: { hit: 'none', stats: {} },
    })
    expect(text).toContain('The image has no name.')
    expect(text).toContain('- **Built by:** Buildah 1.43.2, as root\n')
    expect(text).not.toMatch(/docker pull|Cache|Size|Warnings|network|grey/)
    expect(text).toContain('title 0.0 s')
  })

  it('shows the first steps of very many', () => {
    const steps = Array.from({ length: 80 }, (_, number) => ({ text: `RUN ${number}`, hit: true, seconds: 1 }))
    const lines = renderSummary({ ...facts, steps }).split('\n')
    expect(lines.filter((line) => line.includes(' RUN '))).toHaveLength(50)
    expect(lines).toContain('    30 more :82000, 82001')
  })

  it('shows steps that ran at once beside one another', () => {
    const at = (text: string, started: number) => ({ text, hit: false, seconds: 2, started })
    const lines = renderSummary({ ...facts, steps: [at('RUN a', 0), at('RUN b', 0.5), at('RUN c', 1)] }).split('\n')
    expect(lines).toContain('    1 RUN a — 2.0 s :active, 2000, 4000')
    expect(lines).toContain('    2 RUN b — 2.0 s :active, 2500, 4500')
    expect(lines).toContain('    3 RUN c — 2.0 s :active, 3000, 5000')
  })

  it('shows labels in a row as one step', () => {
    const steps = ['FROM a', 'LABEL a=1', 'LABEL b=1', 'LABEL c=1', 'RUN b'].map((text) => ({
      text,
      hit: false,
      seconds: 1,
    }))
    const lines = renderSummary({ ...facts, steps }).split('\n')
    expect(lines).toContain('    2 LABEL and 2 more — 3.0 s :active, 3000, 6000')
    expect(lines).toContain('    5 RUN b — 1.0 s :active, 6000, 7000')
  })

  it('says only how many layers there are where not all of their sizes are known', () => {
    expect(renderSummary({ ...facts, size: { layers: 2, bytes: undefined } })).toContain('- **Size:** 2 layers\n')
  })

  it('shows the first of very many warnings', () => {
    const warnings = Array.from({ length: 30 }, (_, number) => `warning ${number}`)
    expect(renderSummary({ ...facts, warnings })).toMatch(/\n- `warning 9`\n- 20 more in the log\n\n/)
  })

  it.each([
    [59.9, '  axisFormat %-S s\n  section'],
    [61, '  axisFormat %M:%S\n'],
    [5, '  axisFormat %-S s\n  tickInterval 1second\n'],
  ])('has an axis that fits %d s', (seconds, axis) => {
    expect(renderSummary({ ...facts, phases: [{ name: 'build', started: 0, seconds }] })).toContain(axis)
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
          const legend = steps.some(({ hit }) => hit) ? ['Steps from the cache are grey.', ''] : []
          const bare = renderSummary({ ...facts, steps: [] }).split('\n')
          const chart = bare.indexOf('```mermaid')
          const plain = [...bare.slice(0, chart), ...legend, ...bare.slice(chart)]
          const lines = renderSummary({ ...facts, steps: steps.slice(0, 50) }).split('\n')
          const at = plain.indexOf('    10.5 s :2000, 12500') + 1
          const own = lines.slice(at, lines.length - (plain.length - at))
          expect([...lines.slice(0, at), ...lines.slice(lines.length - (plain.length - at))]).toStrictEqual(plain)
          expect(own).toHaveLength(Math.min(50, steps.length))
          for (const line of own)
            expect(line).toMatch(/^ {4}\d+[\p{L}\p{N} ./_=@…-]*( — \d+\.\d s)? :(done|active), \d+, \d+$/u)
          for (const line of own) {
            const [, from, to] = /(\d+), (\d+)$/.exec(line) ?? []
            expect(Number(to)).toBeGreaterThan(Number(from))
          }
        },
      ),
      runs(25),
    )
  })
})
