/** Named files that another run may have left, and that a later one may find: what a cache service offers. */
export interface Entries {
  /**
   * Gets the newest entry whose key is, or starts with, `key`, of this branch first and of the default branch after it.
   * @param path of the file that it becomes, relative to the staging directory; the same as when it was stored, since the service
   *   tells entries apart by it too. Its folder is there, and no two requests at a time have the same.
   * @param deadlineMs how long it may take from the moment when it is asked
   * @param maxBytes how large the file may become: an archive can be made to unpack to anything
   * @returns the key that was found; undefined if there is none, or where it failed. Never rejects.
   */
  fetch(key: string, path: string, deadlineMs?: number, maxBytes?: number): Promise<string | undefined>
  /** Whether `fetch()` would find something; nothing is moved. False also where it failed. Never rejects. */
  has(key: string, path: string, deadlineMs?: number): Promise<boolean>
  /**
   * Stores the file `path` of the staging directory under a key that nothing else is ever stored under. Never rejects.
   * @param holds parts that the file names: a service that removes what nobody names keeps them as long as the file
   */
  store(key: string, path: string, deadlineMs?: number, holds?: readonly Held[]): Promise<Stored>
  counts(): Counts
  /** Whether everything that is still asked is given up at once, since the service limits or fails. */
  isStopped(): boolean
  /** What went wrong, one text a cause, fit for one warning each. */
  failures(): readonly string[]
  /** Ends everything at once; what is still asked is given up, and so is what comes after. */
  close(): void
}

/**
 * `taken` where the key is there already: somebody else has stored it, or is storing it, or was cut off, in which case it
 * never becomes an entry and can't be stored again.
 */
export type Stored = 'stored' | 'taken' | 'failed'

/** A part that a text names. */
export interface Held {
  /** Hexadecimal. */
  readonly sha256: string
  readonly bytes: number
}

export interface Counts {
  /** Calls to the service itself, retries included: a fetch is one, a store two. What moves archives isn't counted. */
  readonly requests: number
  /** Requests of ours that failed. */
  readonly failures: number
}

export type Operation = 'fetch' | 'has' | 'store'

export type Cause =
  | 'rate-limit'
  /** The token may not. */
  | 'denied'
  /** The service answered, and not with what was asked. */
  | 'service'
  | 'network'
  /** Nothing after the deadline. */
  | 'late'
  /** The process that talks to the service is gone. */
  | 'ended'
  /** There is no file to store. */
  | 'missing-path'
  /** Of this machine. */
  | 'disk-full'
  | 'other'

export interface Failure {
  readonly cause: Cause
  /** What was said about it, on one line. */
  readonly text: string
}

/** What the process that talks to the service is told first. */
export interface Assignment {
  /** Private folder, absolute, where files come to and go from. */
  readonly folder: string
}

/** What it is asked then. */
export interface Question {
  readonly id: number
  readonly op: Operation
  readonly key: string
  readonly path: string
  /** Of a fetch: the file that comes may have so many bytes. */
  readonly maxBytes?: number
}

/** What became of it. */
export interface Outcome {
  /** The key that was found, where one was. */
  readonly found?: string
  /** Of a store. */
  readonly stored?: Stored
  readonly failure?: Failure
}

/** What that process sends: an answer, or word that it has called the service. */
export type Message = (Outcome & { readonly id: number }) | 'request'
