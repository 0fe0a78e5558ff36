import { describe, expect, it } from '@jest/globals'
import { NO_CACHE_REPORT } from '../../../src/report/cache-stats.js'
import { type FailureFacts, renderFailure } from '../../../src/report/failure.js'

const copy = { text: 'COPY packag.json /srv/', hit: false, seconds: 0, failed: true }
const facts: FailureFacts = {
  error: {
    message: 'The build failed.',
    place: { file: 'web/Dockerfile', line: 7 },
    details: ['buildah build ended with exit code 125:', 'STEP 3/4: COPY packag.json /srv/', 'Error: no such file'],
    hint: 'The context has no "packag.json". Did you mean "package.json"?',
  },
  phase: { name: 'build' },
  step: copy,
  engine: 'Buildah 1.43.2',
  pushed: [],
  cache: NO_CACHE_REPORT,
  warnings: ['Cache: nothing was saved.'],
  phases: [
    { name: 'setup', started: 0, seconds: 1 },
    { name: 'build', started: 1, seconds: 4, failed: true },
  ],
  steps: [{ text: 'RUN make', hit: false, seconds: 3 }, copy],
  platforms: [],
}

describe('renderFailure', () => {
  it('shows what failed, where, by what, and what to do', () => {
    expect(renderFailure(facts)).toBe(`### Build failed

\`The build failed.\`

- **Build step:** \`COPY packag.json /srv/\`
- **Line:** 7 of \`web/Dockerfile\`
- **Engine:** Buildah 1.43.2

\`\`\`text
buildah build ended with exit code 125:
STEP 3/4: COPY packag.json /srv/
Error: no such file
\`\`\`

**What to do:** \`The context has no "packag.json". Did you mean "package.json"?\`

#### Warnings

- \`Cache: nothing was saved.\`

\`\`\`mermaid
gantt
  title 5.0 s
  dateFormat x
  axisFormat %-S s
  tickInterval 1second
  section setup
    1.0 s :0, 1000
  section build
    4.0 s :crit, 1000, 5000
    1 RUN make — 3.0 s :active, 1000, 4000
    2 COPY packag.json /srv/ — 1.0 s :crit, 4000, 5000
\`\`\`
`)
  })

  it('of a bad input is the error alone', () => {
    const error = { message: 'Input "push": got "ture".', details: [], hint: 'Allowed: true, false.' }
    const bare = { phase: undefined, step: undefined, engine: undefined, warnings: [], phases: [], steps: [] }
    expect(renderFailure({ ...facts, ...bare, error })).toBe(
      '### The step failed\n\n`Input "push": got "ture".`\n\n**What to do:** `Allowed: true, false.`\n',
    )
  })

  it('keeps the lines to paste', () => {
    const error = { message: 'No.', details: [], hint: 'Write it as a whole:\nbuild-args: |\n  "A=1\n  2"' }
    expect(renderFailure({ ...facts, error })).toContain(
      '**What to do:** `Write it as a whole:`\n\n```text\nbuild-args: |\n  "A=1\n  2"\n```\n',
    )
  })

  it('names the platform, and what is in a registry', () => {
    const name = `ghcr.io/acme/web:1@sha256:${'ab'.repeat(32)}`
    const text = renderFailure({ ...facts, phase: { name: 'push', platform: 'linux/arm64' }, pushed: [name] })
    expect(text).toMatch(/^### Push failed \(linux\/arm64\)\n/)
    expect(text).toContain(`\n- **Pushed:** \`${name}\`\n`)
  })

  it('shows the end of a long output, as a terminal would', () => {
    const output = Array.from({ length: 100 }, (_, line) => `line ${line}`)
    const details = [...output, '10%\r50%\r100%', '\tindented\r', 'x'.repeat(3000)]
    const block = /```text\n([^]*?)\n```/.exec(renderFailure({ ...facts, error: { ...facts.error, details } }))?.[1]
    const lines = block?.split('\n') ?? []
    expect(lines).toHaveLength(41)
    expect(lines.slice(0, 2)).toStrictEqual(['…', 'line 63'])
    expect(lines.slice(-3)).toStrictEqual(['100%', '  indented', 'x'.repeat(2000)])
  })
})
