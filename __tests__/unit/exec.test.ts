import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import { attempt, CommandError, execute, findProgram, formatCommand } from '../../src/exec.js'
import { endFamily, followFamily } from '../../src/processes.js'
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
    const times: number[] = []
    const chunks: string[] = []
    const onOutput = (chunk: Buffer) => {
      times.push(performance.now())
      chunks.push(chunk.toString())
    }
    await attempt(sh('echo one; sleep 0.2; echo two >&2'), { env, onOutput })
    expect(chunks).toStrictEqual(['one\n', 'two\n'])
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(100)
  })

  it('keeps the last 64 KiB of each stream', async () => {
    // 12 bytes a line, 2.4 MB in all.
    const script = 'i=0; while [ $i -lt 200000 ]; do printf "line %06d\\n" $i; i=$((i+1)); done'
    const { stdout, stderr } = await attempt(sh(`${script}; echo err >&2`), { env })
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

describe('endFamily', () => {
  /** Whether a process is there and hasn't ended. */
  const runs = (pid: string) => {
    try {
      return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
    } catch {
      return false
    }
  }
  /** Starts a script that writes process IDs into a file, one a line, and waits for as many. */
  const start = async (script: string, count: number) => {
    const file = join(temporaryFolder(), 'pids')
    writeFileSync(file, '')
    const ended = attempt(sh(script, file), { env })
    for (;;) {
      const pids = readFileSync(file, 'utf8').trim().split('\n')
      if (pids.length >= count && pids[0] !== '') return { pids, ended }
      await sleep(10)
    }
  }

  it('ends a program and what it has put into a session of its own', async () => {
    const script = 'echo $$ >>"$1"; setsid sh -c \'echo $$ >>"$1"; sleep 60 & echo $! >>"$1"; wait\' sh "$1" & wait'
    const { pids, ended } = await start(script, 3)
    expect(pids.map(runs)).toStrictEqual([true, true, true])
    await endFamily(followFamily(), 2000)
    expect(pids.map(runs)).toStrictEqual([false, false, false])
    expect((await ended).exitCode).not.toBe(0)
  })

  it('asks first', async () => {
    const file = join(temporaryFolder(), 'asked')
    const { ended } = await start(
      `trap 'echo bye >"${file}"; exit 5' TERM; echo $$ >>"$1"; while :; do sleep 0.05; done`,
      1,
    )
    await endFamily(followFamily(), 2000)
    expect(readFileSync(file, 'utf8')).toBe('bye\n')
    expect((await ended).exitCode).toBe(5)
  })

  it('insists after the grace', async () => {
    const { pids, ended } = await start('trap "" TERM; echo $$ >>"$1"; while :; do sleep 0.05; done', 1)
    const before = performance.now()
    await endFamily(followFamily(), 300)
    expect(performance.now() - before).toBeGreaterThan(250)
    expect(pids.map(runs)).toStrictEqual([false])
    await ended
  })

  // As when Buildah ends at once and the RUN step that it has started doesn't heed the signal.
  it('insists also with what is left of a program that has ended', async () => {
    const child = 'trap "" TERM; echo $$ >>"$1"; exec >/dev/null 2>&1; while :; do sleep 0.05; done'
    const { pids, ended } = await start(`echo $$ >>"$1"; setsid sh -c '${child}' sh "$1" & wait`, 2)
    await endFamily(followFamily(), 300)
    const left = pids.filter(runs)
    for (const pid of left) process.kill(Number(pid), 'SIGKILL')
    expect(left).toStrictEqual([])
    await ended
  })

  it('returns at once where nothing runs', async () => {
    const before = performance.now()
    await endFamily(followFamily(), 2000)
    expect(performance.now() - before).toBeLessThan(500)
  })
})
