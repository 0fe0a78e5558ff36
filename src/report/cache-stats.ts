/** What a build and its cache did, for outputs and log. */
export interface CacheFacts {
  /** Steps of the Dockerfile that were begun, those that labels add left out. */
  readonly steps: readonly { readonly hit: boolean; readonly savedSeconds: number }[]
  readonly restored: { readonly parts: number; readonly bytes: number; readonly seconds: number }
  readonly saved: { readonly parts: number; readonly bytes: number; readonly seconds: number }
  readonly requests: number
  /** Whether there is no cache, so that hits and misses say nothing of it. */
  readonly isOff?: boolean
}

export interface CacheReport {
  readonly hit: 'full' | 'partial' | 'none'
  /** Numbers by name, units in the names: bytes as they went over the network, seconds in hundredths. */
  readonly stats: Readonly<Record<string, number>>
  /** Whether there was no cache; absent where there was. */
  readonly isOff?: true
}

/** Of a step that built nothing. */
export const NO_CACHE_REPORT: CacheReport = reportCache({
  steps: [],
  restored: { parts: 0, bytes: 0, seconds: 0 },
  saved: { parts: 0, bytes: 0, seconds: 0 },
  requests: 0,
})

/** The outputs `cache-hit` and `cache-stats`; pure. */
export function reportCache({ steps, restored, saved, requests, isOff = false }: CacheFacts): CacheReport {
  const hits = steps.filter(({ hit }) => hit)
  const savedSeconds = hits.reduce((sum, step) => sum + step.savedSeconds, 0)
  return {
    hit: hits.length === 0 ? 'none' : hits.length === steps.length ? 'full' : 'partial',
    stats: {
      'steps-hit': hits.length,
      'steps-missed': steps.length - hits.length,
      'parts-restored': restored.parts,
      'bytes-restored': restored.bytes,
      'seconds-restoring': rounded(restored.seconds),
      'parts-saved': saved.parts,
      'bytes-saved': saved.bytes,
      'seconds-saving': rounded(saved.seconds),
      'seconds-saved': rounded(savedSeconds),
      requests,
    },
    ...(isOff && { isOff }),
  }
}

/** The outputs of a step that took the image of an earlier run, which had so many steps and took so long; pure. */
export function reportUnchanged(steps: number, seconds: number, requests: number): CacheReport {
  const facts = { parts: 0, bytes: 0, seconds: 0 }
  const hits = Array.from({ length: steps }, () => ({ hit: true, savedSeconds: seconds / steps }))
  return { ...reportCache({ steps: hits, restored: facts, saved: facts, requests }), hit: 'full' }
}

/** What caches of several builds came to together; pure. */
export function joinReports(reports: readonly CacheReport[]): CacheReport {
  const stats = new Map<string, number>()
  for (const [name, value] of reports.flatMap((report) => Object.entries(report.stats)))
    stats.set(name, rounded((stats.get(name) ?? 0) + value))
  const [first = NO_CACHE_REPORT, ...others] = reports
  const isSame = others.every(({ hit }) => hit === first.hit)
  const isOff = reports.length > 0 && reports.every((report) => report.isOff)
  return { hit: isSame ? first.hit : 'partial', stats: Object.fromEntries(stats), ...(isOff && { isOff }) }
}

/** The same with all calls to the cache service, those after the layers were kept among them; pure. */
export function withRequests(report: CacheReport, requests: number): CacheReport {
  return { ...report, stats: { ...report.stats, requests } }
}

/** The line of the log that says what the cache was good for; undefined if it had no part in the build. Pure. */
export function renderCache({ stats, isOff }: CacheReport): string | undefined {
  const of = (name: string) => stats[name] ?? 0
  const steps = of('steps-hit') + of('steps-missed')
  if (steps === 0 || isOff) return undefined
  const spent = of('seconds-restoring') + of('seconds-saving')
  const hits = of('steps-hit')
  // Of a first run, nothing can have saved time.
  const took = `${hits}/${steps} steps hit${hits === 0 ? '' : `, about ${of('seconds-saved').toFixed(1)} s saved`}`
  const cost = `restore and save took ${spent.toFixed(1)} s`
  const verdict = hits > 0 && spent > of('seconds-saved') ? ', more than it saved' : ''
  return `${took}; ${cost}${verdict}`
}

function rounded(seconds: number): number {
  return Math.round(seconds * 100) / 100
}
