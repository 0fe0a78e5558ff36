import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { attempt, CommandError, execute, findProgram, formatCommand } from '../../src/exec.js'
import { logOf, temporaryFolder } from './helpers.js'

const env = { PATH: process.env['PATH'] ?? '' }
const sh = (script: string, ...args: string[]) => ['/bin/sh', '-c', script, 'sh', ...args]

async function failure(argv: readonly string[]): Promise<CommandError> {
  const outcome = await execute(argv, { env }).then(
    () => undefined,
    (error: unknown) => error,
  )
  if (outcome instanceof CommandError) return outcome
  throw new Error('the program did not fail')
}

describe('attempt', () => {
  it.each([0, 1, 125, 255])('gives the exit code %i', async (exitCode) => {
    expect((await attempt(sh(`exit ${exitCode}`), { env })).exitCode).toBe(exitCode)
  })

  it('keeps the two streams apart', async () => {
    const result = await attempt(sh('echo out; echo err >&2; echo more'), { env })
    expect(result).toStrictEqual({ exitCode: 0, stdout: 'out\nmore\n', stderr: 'err\n' })
  })

  it('hands every argument over as it is', async () => {
    const words = ['', ' ', 'a b', 'c"d', "e'f", '$HOME', '`id`', '\\', 'x\ny', '*', '--flag=a b', 'ü']
    const result = await attempt(sh('for word in "$@"; do printf "<%s>" "$word"; done', ...words), { env })
    expect(result.stdout).toBe(words.map((word) => `<${word}>`).join(''))
  })

  it.each(['my program', "it's", 'a(b)', '$HOME'])('runs a program whose path has %j in it', async (name) => {
    const program = join(temporaryFolder(), name, 'run')
    mkdirSync(join(program, '..'))
    writeFileSync(program, '#!/bin/sh\necho "$0|$*"\n')
    chmodSync(program, 0o755)
    expect((await attempt([program, 'x y'], { env })).stdout).toBe(`${program}|x y\n`)
  })

  it('gives the program this environment and no other, and this folder', async () => {
    process.env['OF_THE_STEP'] = 'hunter2'
    const cwd = temporaryFolder()
    const result = await attempt(sh('pwd; env'), { env: { A: 'x y', PATH: env.PATH }, cwd })
    Reflect.deleteProperty(process.env, 'OF_THE_STEP')
    expect(result.stdout).toContain(`${cwd}\n`)
    expect(result.stdout).toContain('A=x y\n')
    expect(result.stdout).not.toContain('hunter2')
  })

  it('hands over standard input, and closes it', async () => {
    expect((await attempt(sh('cat; echo end'), { env, input: 'pass word\n"x"' })).stdout).toBe('pass word\n"x"end\n')
  })

  it('ends the input also where it is empty', async () => {
    expect((await attempt(sh('cat; echo end'), { env, input: '' })).stdout).toBe('end\n')
  })

  it('gives output as it comes, both streams', async () => {
    const sign = join(temporaryFolder(), 'seen')
    const chunks: string[] = []
    const onOutput = (chunk: Buffer) => {
      writeFileSync(sign, '')
      chunks.push(chunk.toString())
    }
    await attempt(sh('echo one; until [ -e "$1" ]; do sleep 0.02; done; echo two >&2', sign), { env, onOutput })
    expect(chunks).toStrictEqual(['one\n', 'two\n'])
  })

  it('keeps the last 64 KiB of each stream', async () => {
    // 12 bytes a line, 2.4 MB in all.
    const { stdout, stderr } = await attempt(sh('seq -f "line %06.f" 0 199999; echo err >&2'), { env })
    expect(Buffer.byteLength(stdout)).toBe(64 * 1024)
    expect(stdout.endsWith('line 199998\nline 199999\n')).toBe(true)
    const lines = stdout.split('\n').slice(1, -1)
    expect(lines).toStrictEqual(lines.map((_, index) => `line ${199999 - lines.length + 1 + index}`))
    expect(stderr).toBe('err\n')
  })

  it('keeps all of 64 KiB', async () => {
    const { stdout } = await attempt(sh('head -c 65536 /dev/zero | tr "\\0" x'), { env })
    expect(stdout).toBe('x'.repeat(65536))
  })

  it('prints nothing of its own into the log, not even the command', async () => {
    const log = await logOf(async () => {
      await attempt(sh('echo hidden; echo hidden >&2; exit 1', 'hunter2'), { env })
    })
    expect(log).toBe('')
  })

  it.each([
    [[], /an empty command line/],
    [['/nonexistent/program'], /\/nonexistent\/program/],
  ])('rejects what can’t be started: %j', async (argv, message) => {
    await expect(attempt(argv, { env })).rejects.toThrow(message)
  })
})

describe('execute', () => {
  it('returns what a program printed', async () => {
    expect((await execute(sh('echo out'), { env })).stdout).toBe('out\n')
  })

  it('throws what failed, how, and what it said', async () => {
    const error = await failure(sh('echo out; echo "first" >&2; echo "  last" >&2; exit 7', '--password=x'))
    expect(error).toMatchObject({ name: 'CommandError', exitCode: 7 })
    // The two streams come by different pipes: which is read first is not told.
    expect(error.output).toContain('first\n  last\n')
    expect(error.output).toContain('out\n')
    expect(error.message).toMatch(/ ended with exit code 7:\n(?: {2}out\n)? {2}first\n {4}last/)
  })

  it('says that a program was killed, as where memory runs out', async () => {
    const { message } = await failure(sh('kill -9 $$'))
    expect(message).not.toContain('null')
    expect(message).toMatch(/signal|killed/)
  })

  it('shows both streams in the order of the program', async () => {
    // Each line has time to arrive before the next one is written.
    const script = 'echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three; exit 4'
    const error = await failure(sh(script))
    expect(error.output).toBe('one\ntwo\nthree\n')
    expect(error.message).toMatch(/exit code 4:\n {2}one\n {2}two\n {2}three$/)
  })

  it('shows standard output where standard error is silent', async () => {
    expect((await failure(sh('echo said; exit 3'))).message).toMatch(/exit code 3:\n {2}said$/)
  })
})

describe('CommandError', () => {
  it.each([
    [['/usr/bin/buildah', 'build', '--file', 'x'], 'buildah build'],
    [['/usr/bin/buildah', '--root', '/x y', '--storage-opt', 'a=b', 'push', 'y'], 'buildah push'],
    [['/usr/bin/buildah', '--root=/x', 'login'], 'buildah login'],
    [
      ['/usr/bin/setpriv', '--reuid=1', '--inh-caps=-all', '--', '/usr/bin/buildah', '--root', '/x', 'build'],
      'buildah build',
    ],
    [
      [
        ...['/usr/bin/setpriv', '--reuid=1', '--', '/usr/bin/nsenter', '--target', '7', '--user', '--'],
        ...['/usr/bin/setsid', '/usr/bin/buildah', '--root', '/x', 'push', '--', 'y'],
      ],
      'buildah push',
    ],
    [['/usr/bin/tar', '--extract'], 'tar'],
    [['/usr/bin/find'], 'find'],
  ])('%j is called %s', (argv, name) => {
    expect(new CommandError(argv, 1, '').message).toBe(`${name} ended with exit code 1`)
  })

  it('shows the last twelve lines, and no argument', () => {
    const said = Array.from({ length: 20 }, (_, index) => `line ${index}`).join('\n')
    const error = new CommandError(['/usr/bin/buildah', 'login', '--password', 'hunter2'], 125, `${said}\n\n`)
    const shown = Array.from({ length: 12 }, (_, index) => `  line ${index + 8}`)
    expect(error.message).toBe(['buildah login ended with exit code 125:', ...shown].join('\n'))
  })
})

describe('findProgram', () => {
  const folder = temporaryFolder()
  for (const name of ['first', 'second']) mkdirSync(join(folder, name))
  const add = (name: string, mode: number) => {
    writeFileSync(join(folder, name), '')
    chmodSync(join(folder, name), mode)
  }
  add('first/plain', 0o644)
  add('second/plain', 0o755)
  add('first/both', 0o755)
  add('second/both', 0o755)
  symlinkSync('/nonexistent', join(folder, 'first/dangling'))
  const path = `${folder}/first:relative::./x:${folder}/second`

  it.each([
    ['both', 'first/both'],
    ['plain', 'second/plain'],
    ['dangling', undefined],
    ['absent', undefined],
  ])('%s', async (name, expected) => {
    expect(await findProgram(name, { PATH: path })).toBe(expected && join(folder, expected))
  })

  it('looks in further folders last, and nowhere without any', async () => {
    expect(await findProgram('both', { PATH: join(folder, 'second') }, [join(folder, 'first')])).toBe(
      join(folder, 'second/both'),
    )
    expect(await findProgram('both', {}, [join(folder, 'first')])).toBe(join(folder, 'first/both'))
    expect(await findProgram('both', {})).toBeUndefined()
  })
})

describe('formatCommand', () => {
  it.each([
    [['buildah', 'build', '--file=/x/y.z', 'a:b,c@d%e+f'], 'buildah build --file=/x/y.z a:b,c@d%e+f'],
    [['a', ''], "a ''"],
    [['a', 'b c', '$X', '"q"', '*'], `a 'b c' '$X' '"q"' '*'`],
    [['a', "it's"], `a 'it'\\''s'`],
    [['a', 'x\ny'], `a 'x\ny'`],
    [['a', '~', '#b', ';', 'ü'], `a '~' '#b' ';' 'ü'`],
  ])('%j', async (argv, expected) => {
    expect(formatCommand(argv)).toBe(expected)
    // A shell reads it back as it was.
    const { stdout } = await attempt(sh(`printf '%s\\n' ${formatCommand(argv)} .`), { env })
    expect(stdout).toBe(`${[...argv, '.'].join('\n')}\n`)
  })
})
