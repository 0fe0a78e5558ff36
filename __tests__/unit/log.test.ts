import { describe, expect, it } from '@jest/globals'
import { attempt } from '../../src/exec.js'
import { gatherWarnings, escapeCommands, printLive, info, warn } from '../../src/log.js'
import { logOf } from './helpers.js'

/**
 * The lines in which the runner finds a command: it takes a line, leaves white space away as .NET's Trim() does (NEL
 * among it, other than JavaScript), and looks for `::` at its start or `##[` anywhere.
 */
function commandsIn(log: string): string[] {
  return log.split(/\r\n|\r|\n/).filter((line) => /^[\s\u0085]*::/.test(line) || line.includes('##['))
}

const forged = [
  '::error::x',
  '::set-output name=digest::sha256:0',
  '::add-path::/evil',
  '::stop-commands::x',
  '  ::error::x',
  '\t::error::x',
  '\u00a0\u3000::error::x',
  '\u2028::error::x',
  '\ufeff::error::x',
  '\u0085::error::x',
  'text\n::error::x',
  'text\r::error::x',
  'text\r\n::error::x',
  'text\n\n \n::error::x',
  '::error::x\n::error::y',
  '::::error::x',
  '##[error]x',
  'text ##[error]x',
  '####[error]x',
  '##[group]a ##[endgroup]',
  '##[##[error]x',
]

describe('inert', () => {
  it.each(forged)('leaves no command in %j', (text) => {
    expect(commandsIn(escapeCommands(text))).toStrictEqual([])
  })

  it.each([
    '',
    'text',
    'a::b::c',
    'std::vector',
    'https://[::1]:5000/v2',
    'text ::error::x',
    ':x',
    '## [x]',
    '#[x]',
    'a\nb\n',
  ])('leaves %j as it is', (text) => {
    expect(escapeCommands(text)).toBe(text)
  })

  it('keeps the text readable', () => {
    expect(escapeCommands('  ::error::x\n##[debug]y')).toBe('>   ::error::x\n## [debug]y')
  })
})

describe('say', () => {
  it.each(forged)('prints %j without a command in it', async (text) => {
    const log = await logOf(() => {
      info(text)
    })
    expect(commandsIn(log)).toStrictEqual([])
    expect(log.endsWith('\n')).toBe(true)
  })
})

describe('printLive', () => {
  /** Runs a script of a shell in a group of the log, and gives the log. */
  const live = async (script: string, ...args: string[]) =>
    await logOf(async () => {
      await printLive('Build', 'buildah build .', async (onOutput) => {
        await attempt(['/bin/sh', '-c', script, 'sh', ...args], { env: {}, onOutput })
      })
    })
  const parts = (log: string) => {
    const [, token = '', inside, after] =
      /^::group::Build\n::stop-commands::([0-9a-f]{32})\nbuildah build \.\n([^]*)\n::\1::\n(::endgroup::\n)$/.exec(
        log,
      ) ?? []
    return { token, inside, after }
  }

  it.each([...forged, '::group::x\n::endgroup::', '::deadbeef::'])('keeps %j between stop and resume', async (text) => {
    const { inside, after } = parts(await live('printf "%s\\n" "$1"; printf "%s\\n" "$1" >&2', text))
    expect(inside).toBe(`${text}\n${text}`)
    expect(after).toBe('::endgroup::\n')
  })

  it.each(['no newline', 'first\nsecond', 'a progress bar\r'])(
    'resumes on a line of its own behind %j',
    async (text) => {
      expect(parts(await live('printf "%s" "$1"', text)).inside).toBe(text)
    },
  )

  it('adds no empty line where nothing was printed, or where the last line has ended', async () => {
    expect(await live('')).toMatch(/buildah build \.\n::[0-9a-f]{32}::\n::endgroup::\n$/)
    expect(await live('echo x')).toMatch(/buildah build \.\nx\n::[0-9a-f]{32}::\n::endgroup::\n$/)
  })

  it('stops commands before it shows the command line, which has the user’s words in it', async () => {
    const log = await logOf(async () => {
      await printLive('Build', 'buildah build\n::error::x', () => Promise.resolve())
    })
    expect(log).toMatch(/^::group::Build\n::stop-commands::[0-9a-f]{32}\nbuildah build\n::error::x\n::[0-9a-f]{32}::\n/)
  })

  it('takes a new token each time', async () => {
    const tokens = [parts(await live('echo x')).token, parts(await live('echo x')).token]
    expect(new Set(tokens).size).toBe(2)
  })

  it('resumes and closes the group also when the program fails, and hands on what it gives', async () => {
    const log = await logOf(async () => {
      const failing = printLive('Build', 'x', () => Promise.reject(new Error('broken')))
      await expect(failing).rejects.toThrow('broken')
      await expect(printLive('Build', 'x', () => Promise.resolve(5))).resolves.toBe(5)
    })
    expect(log.match(/^::endgroup::$/gm)).toHaveLength(2)
    expect(log.match(/^::[0-9a-f]{32}::$/gm)).toHaveLength(2)
  })
})

describe('warn', () => {
  it.each(forged)('tells the runner %j as one warning', async (text) => {
    const log = await logOf(() => {
      warn(text)
    })
    expect(commandsIn(log)).toHaveLength(1)
    expect(log).toMatch(/^::warning::/)
  })
})

describe('gatherWarnings', () => {
  it('gives what was warned of in there, each once, also where it fails, and nothing of others', async () => {
    await logOf(async () => {
      warn('before')
      const pause = () => new Promise((resolve) => setImmediate(resolve))
      const gather = async (...texts: string[]) => {
        const warnings = new Set<string>()
        const work = async () => {
          for (const text of texts) {
            await pause()
            warn(text)
          }
          throw new Error('it fails')
        }
        await expect(gatherWarnings(warnings, work)).rejects.toThrow('it fails')
        return [...warnings]
      }
      expect(await Promise.all([gather('a', 'b', 'a'), gather('c')])).toStrictEqual([['a', 'b'], ['c']])
    })
  })
})
