/**
 * A mistake that the user can fix: bad input, a missing program, a machine that can't do what was asked.
 *
 * `message` says what is wrong and names the input and the value; `hint` says what to do, with the line to paste.
 */
export class UserError extends Error {
  override readonly name = 'UserError'
  readonly place: Place | undefined

  constructor(
    message: string,
    readonly hint?: string,
    options?: ErrorOptions & { readonly place?: Place | undefined },
  ) {
    super(message, options)
    this.place = options?.place
  }
}

/** An input rules it out, whatever the engine: another one isn't tried. */
export class RuledOut extends UserError {}

/** A registry didn't take or give something. */
export class RegistryError extends UserError {
  /** How long the registry asked to be left alone, where it did. */
  readonly retryAfterMs: number | undefined
  /** How often it is tried again at most, where that is less than for a registry that is busy. */
  readonly retries: number | undefined
  /** It said no to this user, or is no registry: whoever asks again hears the same. */
  readonly refuses: boolean
  /** It was asked too often. */
  readonly limitsRate: boolean
  /** Nothing answers at its address, or it has none. */
  readonly isUnreachable: boolean

  constructor(
    message: string,
    hint: string | undefined,
    /** It was busy or out of reach, and may do it the next time. */
    readonly transient: boolean,
    options?: ErrorOptions & {
      readonly retryAfterMs?: number | undefined
      readonly retries?: number | undefined
      readonly refuses?: boolean
      readonly limitsRate?: boolean
      readonly isUnreachable?: boolean
    },
  ) {
    super(message, hint, options)
    this.retryAfterMs = options?.retryAfterMs
    this.retries = options?.retries
    this.refuses = options?.refuses ?? false
    this.limitsRate = options?.limitsRate ?? false
    this.isUnreachable = options?.isUnreachable ?? false
  }
}

/**
 * A registry says that it lacks what it was sent a moment ago. One that is busy, or has several servers, often has it the
 * next time; one that still lacks it then has lost it for good.
 */
export const LOST_CONTENT = {
  retries: 2,
  hint: "The registry doesn't find content that was just pushed to it. Run the job again. If that doesn't help, check the registry: garbage collection must not run during a push, and servers behind one address need the same storage and the same secret.",
} as const

/** Where in a file a mistake is. */
export interface Place {
  /** Absolute path. */
  readonly file: string
  /** From 1. */
  readonly line: number
}

/** The last line with a word of what lies behind an error: where a program failed, of what it printed. */
export function lastLine({ message, cause }: Error): string {
  const lines = (cause instanceof Error ? cause.message : message).split('\n')
  return lines.findLast((line) => /\w/.test(line))?.trim() ?? ''
}

/** The text for a person: the message, its causes in order, then the hint. Takes anything that can be thrown. */
export function describe(error: unknown): string {
  const hint = hintOf(error)
  return [describeCauses(error), ...(hint === undefined ? [] : [hint])].join('\n')
}

/** The same without the hint. */
export function describeCauses(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const lines = [error.message]
  for (let { cause } = error; cause instanceof Error; { cause } = cause) lines.push(`Caused by: ${cause.message}`)
  return lines.join('\n')
}

export function hintOf(error: unknown): string | undefined {
  return error instanceof UserError ? error.hint : undefined
}

/** The same in one line, for a sentence that goes on around it. */
export function describeInLine(error: unknown): string {
  return describe(error).replaceAll(/\s*\n\s*/g, ' ')
}
