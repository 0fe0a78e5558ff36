import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { error as errorCommand, setOutput } from '@actions/core'
import { describe, expect, it, test } from '@jest/globals'
import fc from 'fast-check'
import { describe as describeError, UserError } from '../../../src/errors.js'
import { printGroup, printLive, info, warn } from '../../../src/log.js'
import { reportCache } from '../../../src/report/cache-stats.js'
import { renderFailure } from '../../../src/report/failure.js'
import { renderSummary, type SummaryFacts } from '../../../src/report/summary.js'
import { hostileText } from '../../harness/hostile-texts.js'
import { runs } from '../../harness/properties.js'
import { parseCommandFile } from '../../harness/runner-files.js'
import { readBlocks } from '../../harness/summary-structure.js'
import { readCommands } from '../../harness/workflow-commands.js'
import { logOf, temporaryFolder } from '../helpers.js'

/** What the runner makes of the value of a command. */
function unescaped(text: string): string {
  return text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%')
}

/** As it is when it has been through UTF-8. */
const written = (text: string) => Buffer.from(text).toString()

describe('with hostile texts,', () => {
  const options = runs(60)
  const namesIn = (log: string) => {
    const { commands, stoppedBy } = readCommands(log)
    expect(stoppedBy).toBeUndefined()
    return commands.map(({ name }) => name)
  }

  test('a line of the log is no command', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(hostileText, { maxLength: 3 }), async (texts) => {
        const sayAll = () => {
          for (const text of texts) info(text)
        }
        expect(namesIn(await logOf(sayAll))).toStrictEqual([])
        const grouped = await logOf(() =>
          printGroup(
            () => 'Push: 1.0 s',
            () => {
              sayAll()
              return Promise.resolve()
            },
          ),
        )
        expect(namesIn(grouped)).toStrictEqual(texts.length === 0 ? [] : ['group', 'endgroup'])
      }),
      options,
    )
  })

  test('what a program prints is no command, and its command line isn’t, either', async () => {
    await fc.assert(
      fc.asyncProperty(hostileText, fc.array(hostileText, { maxLength: 4 }), async (command, chunks) => {
        const log = await logOf(() =>
          printLive('Build', command, (onOutput) => {
            for (const chunk of chunks) onOutput(Buffer.from(chunk))
            return Promise.resolve()
          }),
        )
        expect(namesIn(log)).toStrictEqual(['group', 'stop-commands', 'endgroup'])
      }),
      options,
    )
  })

  test('a warning is one command, and so is an error, whatever it and its file are called', async () => {
    await fc.assert(
      fc.asyncProperty(hostileText, hostileText, async (text, file) => {
        const warned = readCommands(
          await logOf(() => {
            warn(text)
          }),
        ).commands
        expect(warned).toStrictEqual([{ name: 'warning', parameters: '', value: expect.anything() }])
        expect(unescaped(warned[0]?.value ?? '')).toBe(written(text))
        const error = new UserError(text, text, { cause: new Error(text) })
        const log = await logOf(() => {
          errorCommand(describeError(error), { file, startLine: 3 })
        })
        expect(namesIn(log)).toStrictEqual(['error'])
        expect(readCommands(log).commands[0]?.parameters).toMatch(/^(file=[^:,]*,)?line=3$/)
      }),
      options,
    )
  })

  test('an output is that one output', () => {
    const file = join(temporaryFolder(), 'output')
    process.env['GITHUB_OUTPUT'] = file
    try {
      fc.assert(
        fc.property(hostileText, hostileText, (one, other) => {
          writeFileSync(file, '')
          setOutput('version', one)
          setOutput('tags', [one, other].join('\n'))
          setOutput('metadata', { 'image.name': other })
          const { metadata, ...texts } = parseCommandFile(readFileSync(file, 'utf8'))
          expect(texts).toStrictEqual({ version: written(one), tags: written([one, other].join('\n')) })
          expect(JSON.parse(metadata ?? '')).toStrictEqual({ 'image.name': other })
        }),
        options,
      )
    } finally {
      delete process.env['GITHUB_OUTPUT']
    }
  })

  test('the summary has always the same structure', () => {
    const step = fc.record({
      text: hostileText,
      hit: fc.boolean(),
      seconds: fc.double({ min: 0, max: 1e4, noNaN: true }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 6 }), fc.array(hostileText, { maxLength: 4 }), (steps, warnings) => {
        const plain = { steps: steps.map((one) => ({ ...one, text: 'RUN x' })), warnings: warnings.map(() => 'plain') }
        // Labels in a row are one bar: the number of lines in the chart is not looked at.
        const blocks = readBlocks(renderSummary({ ...facts, steps, warnings }))
        expect(blocks.structure).toStrictEqual(readBlocks(renderSummary({ ...facts, ...plain })).structure)
        expect(blocks.strange).toStrictEqual([])
        expect(blocks.items.slice(blocks.items.length - warnings.length)).toStrictEqual(warnings.map(visible))
      }),
      options,
    )
  })

  test('so has the summary of a failure, and its output stays in its block', () => {
    const failure = (text: string, lines: readonly string[]) => ({
      ...facts,
      error: {
        ...{ message: text, place: { file: text, line: 1 } },
        ...{ details: ['begins', ...lines], hint: `do\n${text}` },
      },
      phase: { name: 'build' },
      step: { text, hit: false, seconds: 1 },
      pushed: [text],
      warnings: [text],
    })
    fc.assert(
      fc.property(hostileText, fc.array(hostileText, { maxLength: 4 }), (text, lines) => {
        const blocks = readBlocks(renderFailure(failure(text, lines)))
        expect(blocks.structure).toStrictEqual(readBlocks(renderFailure(failure('plain', ['plain']))).structure)
        expect(blocks.strange).toStrictEqual([])
      }),
      options,
    )
  })
})

/** What of a text is to be seen in one line. */
function visible(text: string): string {
  const line = text.replaceAll(/[\p{C}\p{Z}\s]+/gu, ' ').trim()
  return line === '' ? '(empty)' : line
}

const digest = `sha256:${'ab'.repeat(32)}`
const facts: SummaryFacts = {
  references: [{ reference: 'ghcr.io/acme/web:1', digest }],
  pulls: [`ghcr.io/acme/web@${digest}`],
  verifications: [],
  platforms: [],
  ...{ engine: 'Buildah 1.43.2', rootless: true, layers: [1, 2] },
  cache: reportCache({
    steps: [{ hit: true, savedSeconds: 1 }],
    restored: { parts: 1, bytes: 1, seconds: 1 },
    saved: { parts: 1, bytes: 1, seconds: 1 },
    requests: 3,
  }),
  phases: [{ name: 'build', started: 0, seconds: 10 }],
  steps: [],
  warnings: [],
  tests: 0,
}

describe('what a careless writer lets through is seen:', () => {
  it('a forged command', () => {
    for (const text of ['::error::x', ' \u0085::error::x', 'x ##[error]x', 'x\r::error::x'])
      expect(readCommands(`${text}\n`).commands).toHaveLength(1)
    expect(readCommands('::stop-commands::x\n').stoppedBy).toBe('x')
  })

  it('a forged output', () => {
    expect(parseCommandFile('version<<EOF\n1\nEOF\ndigest=forged\nEOF\n'.replace(/EOF\n$/, ''))).toHaveProperty(
      'digest',
    )
  })

  it.each([
    '`',
    '|',
    '<b>',
    '</details>',
    'http://example.com',
    'www.example.com',
    '[x](y)',
    '*x*',
    '\n# x',
    '\n\n- y',
    '```',
    '\n```\n# x',
  ])('%j in a summary', (text) => {
    const bare = (warning: string) => readBlocks(`### Image\n\n- a ${warning}\n- ${warning}\n`)
    const { structure, strange, items } = bare(text)
    const isSeen = strange.length > 0 || JSON.stringify(structure) !== JSON.stringify(bare('b').structure)
    // A single mark that Markdown takes for itself is only a letter.
    expect(isSeen || items[0] === `a ${text}`).toBe(true)
    if (text.length > 3) expect(isSeen).toBe(true)
  })
})
