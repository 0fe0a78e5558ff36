/** The fewest characters of a line that is masked: shorter ones, such as a lone bracket, would blank half of the log. */
const SHORTEST_LINE = 4

/** A text that must not be shown: it prints as `***` wherever it is logged, joined or serialised. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The text itself, for the one place that hands it on. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return '***'
  }

  toJSON(): string {
    return '***'
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '***'
  }
}

/**
 * What the runner is to mask for a secret: the text, or where it has several lines those that are long enough, since
 * programs print line by line. The runner itself masks every line of what it is handed, however short, so that it isn't
 * handed a text that has short ones. Pure.
 */
export function textsToMask(secret: Secret): string[] {
  const text = secret.reveal()
  const lines = text.split(/[\r\n]+/).map((line) => line.trim())
  const written = lines.filter((line) => line !== '')
  if (written.length < 2) return written
  const long = written.filter((line) => line.length >= SHORTEST_LINE)
  return [...new Set(long.length === written.length ? [text, ...long] : long)]
}
