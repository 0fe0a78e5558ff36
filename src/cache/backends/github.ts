import { limiter } from '../../lib/concurrency.js'
import { sentenceOf } from '../errors.js'
import type { Counts, Entries, Failure, Message, Outcome, Question, Stored } from './entries.js'
import { ServiceHealth } from './health.js'
import { endWorker, isUsable, startWorker, type Worker, type WorkerOptions } from './worker.js'

export interface GithubOptions extends WorkerOptions {
  /** Private folder, absolute: files are fetched into it and stored from it, and archives lie there meanwhile. */
  readonly stagingDir: string
  /** One that was started before; another one is, where it has ended. */
  readonly started?: Worker | undefined
}

const CONCURRENCY = 4
const DEADLINE_MS = 20_000
const LAST_WORDS = 2000

/**
 * GitHub's cache service, or one that speaks like it, by a process of its own: `@actions/cache` reads its environment,
 * prints into the log of the step, never notices that an answer is cut, and can't be told to stop. A process can be
 * ended, and the token is in no other. It starts with the first request, if not before.
 */
export function openGithub(options: GithubOptions): Entries {
  return new Github(options)
}

class Github implements Entries {
  private child: Worker | undefined
  private isGone = false
  private lastId = 0
  /** Who waits for an answer, by the id of the question. */
  private readonly asked = new Map<number, (outcome: Outcome) => void>()
  private readonly inTurn = limiter(CONCURRENCY)
  private readonly health = new ServiceHealth(sentenceOf)
  private closed = false
  private requests = 0

  constructor(private readonly options: GithubOptions) {}

  async fetch(key: string, path: string, deadlineMs = DEADLINE_MS, maxBytes?: number): Promise<string | undefined> {
    const question = { op: 'fetch', key, path, ...(maxBytes !== undefined && { maxBytes }) } as const
    return (await this.request(question, deadlineMs)).found
  }

  async has(key: string, path: string, deadlineMs = DEADLINE_MS): Promise<boolean> {
    return (await this.request({ op: 'has', key, path }, deadlineMs)).found !== undefined
  }

  async store(key: string, path: string, deadlineMs = DEADLINE_MS): Promise<Stored> {
    return (await this.request({ op: 'store', key, path }, deadlineMs)).stored ?? 'failed'
  }

  isStopped(): boolean {
    return this.health.stoppedBy !== undefined
  }

  counts(): Counts {
    return { requests: this.requests, failures: this.health.failureCount }
  }

  failures(): readonly string[] {
    return this.health.failures()
  }

  close(): void {
    this.closed = true
    this.answerAll({})
    this.end()
  }

  private async request(what: Omit<Question, 'id'>, deadlineMs: number): Promise<Outcome> {
    return await this.inTurn(async () => {
      if (this.closed || !this.health.allows(what.op) || deadlineMs <= 0) return {}
      const outcome = await this.ask({ id: ++this.lastId, ...what }, deadlineMs)
      this.health.learn(what.op, outcome.failure)
      // What is on its way may still come, but not from a service that is silent.
      if (outcome.failure?.cause === 'late' && this.health.stoppedBy === 'late') this.answerAll({})
      // What was given up may still be tried again in there.
      if (!this.isOpen() && this.asked.size === 0) this.end()
      return outcome
    })
  }

  private isOpen(): boolean {
    return !this.closed && this.health.stoppedBy === undefined
  }

  private async ask(question: Question, deadlineMs: number): Promise<Outcome> {
    this.child ??= this.start()
    const { child } = this
    return await new Promise((resolve) => {
      // The one thing that keeps this process waiting; the other process doesn't.
      const timer = setTimeout(() => {
        const text = `no response for "${question.key}" within ${Math.round(deadlineMs / 1000)} s`
        answer({ failure: { cause: 'late', text } })
      }, deadlineMs)
      const answer = (outcome: Outcome): void => {
        clearTimeout(timer)
        this.asked.delete(question.id)
        resolve(outcome)
      }
      this.asked.set(question.id, answer)
      // Where the other end is gone, its end tells more than the error does.
      child.send(question, () => undefined)
    })
  }

  private start(): Worker {
    const { stagingDir, started, ...options } = this.options
    const child = started !== undefined && isUsable(started) ? started : startWorker(options)
    child.send({ folder: stagingDir }, () => undefined)
    let lastWords = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      lastWords = `${lastWords}${chunk.toString()}`.slice(-LAST_WORDS)
    })
    child.on('message', (message) => {
      this.hear(message as Message)
    })
    child.once('error', (error) => {
      this.lose(`could not be started: ${error.message}`)
    })
    child.once('close', (exitCode, signal) => {
      this.lose(`ended ${signal === null ? `with exit code ${exitCode ?? '?'}` : `by ${signal}`}${reasonIn(lastWords)}`)
    })
    return child
  }

  private hear(message: Message): void {
    if (message === 'request') this.requests += 1
    else this.asked.get(message.id)?.(message)
  }

  private lose(how: string): void {
    // What it had started goes on without it.
    this.end()
    this.isGone = true
    if (!this.isOpen()) return
    const failure: Failure = { cause: 'ended', text: how }
    if (this.asked.size === 0) this.health.learn('fetch', failure)
    this.health.stop('ended')
    this.answerAll({ failure })
  }

  private answerAll(outcome: Outcome): void {
    for (const answer of [...this.asked.values()]) answer(outcome)
  }

  private end(): void {
    // Its number may be a stranger's by now.
    if (this.child !== undefined && !this.isGone) endWorker(this.child)
  }
}

/** The line of what Node prints about an uncaught error that names it. */
function reasonIn(words: string): string {
  const line = words.split('\n').findLast((one) => /^\S*(Error|FATAL)\b.*:/.test(one))
  return line === undefined ? '' : `: ${line}`
}
