import { access, constants } from 'node:fs/promises'
import { exec, type ExecOptions } from '@actions/exec'
import { refuseWhenCancelled } from './lib/cancellation.js'

/** Environment of a program: names to values. */
export type Env = Readonly<Record<string, string>>

export interface RunOptions {
  readonly env: Env
  readonly cwd?: string
  /** Text for standard input, for programs that read it. */
  readonly input?: string
  /** Gets standard output and standard error as they come, in chunks that need not end with a line. */
  readonly onOutput?: (chunk: Buffer) => void
  /** Gets standard output alone, likewise. */
  readonly onStdout?: (chunk: Buffer) => void
}

export interface RunResult {
  readonly exitCode: number
  /** The last 64 KiB of each stream: a build may print for hours. */
  readonly stdout: string
  readonly stderr: string
}

/** A program that ended with another exit code than 0. */
export class CommandError extends Error {
  override readonly name = 'CommandError'

  constructor(
    readonly argv: readonly string[],
    /** KILLED when it was ended by a signal. */
    readonly exitCode: number,
    /** The last of what it printed on both streams, as it was read. */
    readonly output: string,
  ) {
    const end =
      exitCode === KILLED
        ? 'was killed by a signal (by the system, where memory ran out)'
        : `ended with exit code ${exitCode}`
    super(`${commandName(argv)} ${end}${lastLines(output)}`)
  }
}

const KILLED = -1
const KEPT_BYTES = 64 * 1024
const SHOWN_LINES = 12

/**
 * Runs a program and returns what it printed, whatever its exit code.
 * @throws Error when the program can't be started.
 */
export async function attempt(argv: readonly string[], options: RunOptions): Promise<RunResult> {
  return (await start(argv, options)).result
}

/**
 * Runs a program that must succeed.
 * @throws CommandError when it ends with another exit code than 0.
 */
export async function execute(argv: readonly string[], options: RunOptions): Promise<RunResult> {
  const { result, output } = await start(argv, options)
  if (result.exitCode !== 0) throw new CommandError(argv, result.exitCode, output)
  return result
}

async function start(argv: readonly string[], options: RunOptions): Promise<{ result: RunResult; output: string }> {
  const [file, ...args] = argv
  if (file === undefined) throw new Error('an empty command line')
  refuseWhenCancelled()
  const [stdout, stderr, output] = [new Tail(), new Tail(), new Tail()]
  const listen = (tail: Tail) => (chunk: Buffer) => {
    tail.add(chunk)
    output.add(chunk)
    options.onOutput?.(chunk)
    if (tail === stdout) options.onStdout?.(chunk)
  }
  const execOptions: ExecOptions = {
    env: { ...options.env },
    silent: true,
    ignoreReturnCode: true,
    listeners: { stdout: listen(stdout), stderr: listen(stderr) },
    // Only where a program reads it: writing to one that has already ended would end this process.
    ...(options.input !== undefined && { input: Buffer.from(options.input) }),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  }
  // The first parameter of exec() is split at spaces and quotes; quoting it keeps a path with a space whole.
  const exitCode = (await exec(`"${file}"`, args, execOptions)) as number | null
  return {
    result: { exitCode: exitCode ?? KILLED, stdout: stdout.text(), stderr: stderr.text() },
    output: output.text(),
  }
}

/** The absolute path of a program on the PATH of `env`, undefined when there is none. */
export async function findProgram(
  name: string,
  env: Env,
  further: readonly string[] = [],
): Promise<string | undefined> {
  for (const folder of [...(env['PATH'] ?? '').split(':'), ...further]) {
    if (!folder.startsWith('/')) continue
    const path = `${folder}/${name}`
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path
  }
  return undefined
}

/** The command as a person would type it, for the log; quoted where a shell would need it. */
export function formatCommand(argv: readonly string[]): string {
  return argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ')
}

class Tail {
  private chunks: Buffer[] = []
  private size = 0

  add(chunk: Buffer): void {
    this.chunks.push(chunk)
    this.size += chunk.length
    if (this.size > 2 * KEPT_BYTES) this.compact()
  }

  text(): string {
    this.compact()
    return this.chunks.map((chunk) => chunk.toString('utf8')).join('')
  }

  private compact(): void {
    const whole = Buffer.concat(this.chunks)
    const kept = Buffer.from(whole.subarray(Math.max(0, whole.length - KEPT_BYTES)))
    this.chunks = [kept]
    this.size = kept.length
  }
}

function commandName(argv: readonly string[]): string {
  const own = withoutLaunchers(argv)
  const verb = own.slice(1).find((word, index, words) => !word.startsWith('-') && !isOptionValue(words[index - 1]))
  return [own[0]?.split('/').pop(), verb].filter((word) => word !== undefined).join(' ')
}

/** What setpriv, nsenter and setsid start: the account and the namespaces that a program runs in say nothing of it. */
function withoutLaunchers(argv: readonly string[]): readonly string[] {
  const launcher = argv[0]?.split('/').pop()
  if (launcher === 'setsid') return withoutLaunchers(argv.slice(1))
  const end = launcher === 'setpriv' || launcher === 'nsenter' ? argv.indexOf('--') : -1
  return end < 0 ? argv : withoutLaunchers(argv.slice(end + 1))
}

/** `buildah --root /x build`: the word behind a long option without `=` is its value. */
function isOptionValue(previous: string | undefined): boolean {
  return previous?.startsWith('--') === true && !previous.includes('=')
}

function lastLines(text: string): string {
  const lines = text.trimEnd().split('\n').slice(-SHOWN_LINES)
  return lines.join('').trim() === '' ? '' : `:\n${lines.map((line) => `  ${line}`).join('\n')}`
}
