import { BUILD, type Phase } from './timeline.js'

/** A step of a build, as Buildah prints it: any text. */
export interface StepFacts {
  readonly text: string
  readonly hit: boolean
  readonly seconds: number
  /** Seconds since the first step began; undefined where one step follows the other. */
  readonly started?: number
  /** Whether the build failed at it. */
  readonly failed?: boolean
}

/** What the chart shows. */
export interface ChartFacts {
  readonly phases: readonly Phase[]
  /** Of the one build. */
  readonly steps: readonly StepFacts[]
  /** Of several platforms, in the order of the index; else empty. */
  readonly platforms: readonly { readonly platform: string; readonly steps: readonly StepFacts[] }[]
}

/** A picture of more bars can't be read, and GitHub draws no longer texts. */
const MAX_STEPS = 50
const MAX_TEXT_LENGTH = 600

/** What took how long, as a chart that GitHub draws: steps that were in the cache are grey, what failed is red. Pure. */
export function renderChart({ phases, steps, platforms }: ChartFacts): string[] {
  const stepsOf = ({ platform }: Phase) =>
    platform === undefined ? steps : (platforms.find((one) => one.platform === platform)?.steps ?? [])
  const total = Math.max(0, ...phases.map(({ started, seconds }) => started + seconds))
  const bars = phases.flatMap((phase) => [
    `  section ${phase.name}${phase.platform === undefined ? '' : ` ${phase.platform}`}`,
    bar(`${phase.seconds.toFixed(1)} s`, phase.failed === true ? 'crit, ' : '', phase.started, phase.seconds),
    ...(phase.name === BUILD ? stepBars(stepsOf(phase), phase) : []),
  ])
  return [
    ...([...steps, ...platforms.flatMap((one) => one.steps)].some(({ hit }) => hit)
      ? ['Steps from the cache are grey.', '']
      : []),
    '```mermaid',
    'gantt',
    `  title ${total.toFixed(1)} s`,
    '  dateFormat x',
    ...axisOf(total),
    ...bars,
    '```',
  ]
}

/** Where it is short, Mermaid would write the same second several times. */
function axisOf(total: number): string[] {
  if (total > 60) return ['  axisFormat %M:%S']
  return ['  axisFormat %-S s', ...(total > 15 ? [] : ['  tickInterval 1second'])]
}

function stepBars(steps: readonly StepFacts[], phase: Phase): string[] {
  let ended = phase.started
  const merged = mergeLabels(steps)
  const bars = merged.map(({ text, hit, seconds: measured, number, started: own, failed = false }) => {
    const started = own === undefined ? ended : phase.started + own
    // It has ended with the build.
    const seconds = failed ? Math.max(0, phase.started + phase.seconds - started) : measured
    const took = seconds < 0.05 ? '' : ` — ${seconds.toFixed(1)} s`
    // Behind a number no word is one of Mermaid's own.
    const tag = failed ? 'crit, ' : hit ? 'done, ' : 'active, '
    const line = bar(`${nameOf(`${number} ${text}`)}${took}`, tag, started, seconds)
    ended = started + seconds
    return line
  })
  const more = merged.length - MAX_STEPS
  return more <= 0 ? bars : [...bars.slice(0, MAX_STEPS), bar(`${more} more`, '', ended, 0)]
}

interface Numbered extends StepFacts {
  readonly number: number
}

/** The steps with their numbers; labels in a row, as those that are there by default, are one. */
function mergeLabels(steps: readonly StepFacts[]): Numbered[] {
  const merged: Numbered[] = []
  for (const [index, step] of steps.entries()) {
    const { text, hit, seconds } = step
    const last = merged.at(-1)
    const isLabel = text.startsWith('LABEL ')
    if (isLabel && last?.hit === hit && last.text.startsWith('LABEL'))
      merged[merged.length - 1] = {
        ...last,
        text: `LABEL and ${index + 1 - last.number} more`,
        seconds: last.seconds + seconds,
      }
    else merged.push({ ...step, number: index + 1 })
  }
  return merged
}

/** A task of the chart; its end has to be behind its start. */
function bar(name: string, tag: string, started: number, seconds: number): string {
  const from = Math.round(started * 1000)
  return `    ${name} :${tag}${from}, ${Math.max(from + 1, Math.round((started + seconds) * 1000))}`
}

/** What Mermaid takes for nothing but a name. */
function nameOf(text: string): string {
  const plain = text
    .slice(0, MAX_TEXT_LENGTH)
    .replaceAll(/[^\p{L}\p{N} ./_=@-]+/gu, ' ')
    .replaceAll(/ {2,}/g, ' ')
    .trim()
  // Cut between characters, not within one.
  const short = /^.{0,60}/u.exec(plain)?.[0] ?? ''
  return short === plain ? plain : `${short}…`
}
