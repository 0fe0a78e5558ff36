import { info, PROGRESS_INTERVAL_MS } from '../log.js'
import { formatBytes } from './format.js'

/** Progress of a long-running operation. */
export interface Progress {
  /** `Cache` */
  readonly what: string
  readonly done: number
  readonly total: number
  /** Since it began. */
  readonly seconds: number
}

/** `Cache: 120.0 MB of 419.0 MB, 38.0 MB/s, 8 s left`. Pure. */
export function renderProgress({ what, done, total, seconds }: Progress): string {
  if (done <= 0 || seconds <= 0) return `${what}: 0 B of ${formatBytes(total)}, ${Math.round(seconds)} s so far`
  const rate = done / seconds
  const left = Math.max(0, total - done) / rate
  return `${what}: ${formatBytes(done)} of ${formatBytes(total)}, ${formatBytes(Math.round(rate))}/s, ${Math.ceil(left)} s left`
}

/**
 * Does something and, while it takes long, says every 15 seconds how far it has come.
 * @param line gets the seconds since it began; a line that can't be told is left out
 */
export async function withProgress<T>(
  line: (seconds: number) => string | Promise<string>,
  work: () => Promise<T>,
): Promise<T> {
  const begun = Date.now()
  let isOver = false
  const tell = async () => {
    const text = await line((Date.now() - begun) / 1000)
    if (!isOver) info(text)
  }
  const timer = setInterval(() => void tell().catch(() => undefined), PROGRESS_INTERVAL_MS)
  try {
    return await work()
  } finally {
    isOver = true
    clearInterval(timer)
  }
}
