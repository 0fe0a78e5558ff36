import type { Step } from '../../progress.js'
import type { Histories, HistoryEntry } from './image-histories.js'
import type { StageProgress, StageStep } from './stage-progress.js'

type Printed = Pick<StageProgress, 'steps' | 'doubtful' | 'lines'>

/** Ids of images that the steps of a stage may have given, FROM left out; of each chain one stands on the other. */
type Chain = readonly string[]

/** More ways to read the lines of a stage than this are none. */
const MAX_CHAINS = 200

/** A stage, and how its lines can be read. */
interface Reading {
  readonly steps: readonly StageStep[]
  readonly chains: readonly Chain[]
  /** How many of its steps have ended for sure, FROM left out. */
  readonly ended: number
}

/**
 * The steps of a build of several stages at once, with their images. A step's own image is among those that were named
 * before the next step of its stage, and its history is that of the step before and one entry more. Where that fits
 * several, none is taken: nothing of it is saved, and it is built again. Pure.
 * @param isOver whether the build has succeeded; else the last step of each stage may not have ended
 */
export function stepsWithImages(printed: Printed, histories: Histories, isOver: boolean): Step[] {
  const steps = printed.steps()
  const readings = [...new Set(steps.map(({ stage }) => stage))].map((stage): Reading => {
    const own = steps.filter((step) => step.stage === stage)
    const chains = printed.doubtful().has(stage) ? [] : chainsOf(own, histories)
    return { steps: own, chains, ended: own.length - (isOver ? 1 : 2) }
  })
  const found = imagesByStage(readings, (id) => isNamedOnce(countLines(id, printed)))
  const images = new Map(found.map(({ stage, images: own }) => [stage, own]))
  const alike = new Map(found.map(({ stage, chains }) => [stage, chains]))
  const namedOf = (step: StageStep) => namedAs(step, images.get(step.stage)?.[step.index - 1])
  const isTaken = (step: StageStep, id: string | undefined) =>
    namedAs(step, id)?.hit === true && !hasRun(countLines(id ?? '', printed))
  const endOf = (stage: number) =>
    Math.max(0, ...steps.map((one) => (one.stage === stage ? (namedOf(one)?.at ?? 0) : 0)))
  return steps.map((step) => {
    const { stage, stages, index, of, text } = step
    const own = namedOf(step)
    // It waits for what it copies, with its line printed already.
    const started = Math.max(step.started, ...awaited(step, steps).map(endOf))
    const seconds = own === undefined ? 0 : Math.max(0, own.at - started)
    // Where stages are the same, it may be the other one's.
    const hit = own !== undefined && (alike.get(stage) ?? []).every((chain) => isTaken(step, chain[index - 1]))
    return { ...{ stage, stages, index, of, text, started, seconds }, image: own?.id, hit }
  })
}

/** Ids and first characters of ids of all images that may be of a step, or below a stage. */
export function imagesIn({ steps, lines }: Printed): string[] {
  return [...lines().keys(), ...steps().flatMap((step) => baseOf(step) ?? [])]
}

/** All ways in which the images that were named can be those of the steps of a stage. */
function chainsOf([from, ...steps]: readonly StageStep[], histories: Histories): Chain[] {
  const base = from === undefined ? undefined : histories.get(baseOf(from) ?? '')
  let chains: Chain[] = [[]]
  for (const step of steps) {
    const candidates = [...histories].filter(
      ([id, history]) => namedAs(step, id) !== undefined && isMadeBy(history, step),
    )
    const longer = chains.flatMap((chain) => {
      const below = chain.length === 0 ? base : histories.get(chain.at(-1) ?? '')
      return candidates.filter(([, history]) => isOn(history, below)).map(([id]) => [...chain, id])
    })
    if (longer.length > MAX_CHAINS) return []
    if (longer.length === 0) break
    chains = longer
  }
  return chains
}

/** The images of a stage, as far as they are sure. */
interface Settled {
  readonly stage: number
  readonly images: Chain
  /** All that they can be, those of stages that are the same included. */
  readonly chains: readonly Chain[]
}

function imagesByStage(all: readonly Reading[], isOfOne: (id: string) => boolean): Settled[] {
  const settled = settle(all, isOfOne)
  return settled.map((reading, place) => {
    const { steps, chains, ended } = reading
    // Of stages that are the same, each gets one.
    const same = settled.filter((other) => isAlike(other, reading))
    const mine = same.length === chains.length ? chains.slice(same.indexOf(reading), same.indexOf(reading) + 1) : chains
    const images = agreed(mine)
    // What may not have ended has no image that can be another stage's.
    const isOthers = all.some(
      (other, at) => at !== place && other.chains.some((chain) => chain.includes(images[ended] ?? '')),
    )
    const sure = images.length > ended && isOthers ? images.slice(0, ended) : images
    return { stage: steps[0]?.stage ?? 0, images: sure, chains }
  })
}

/** Leaves out what another stage has for sure. */
function settle(all: readonly Reading[], isOfOne: (id: string) => boolean): readonly Reading[] {
  const taken = (reading: Reading) => agreed(reading.chains).slice(0, reading.ended).filter(isOfOne)
  const next = all.map((reading) => {
    const others = new Set(all.flatMap((other) => (other === reading ? [] : taken(other))))
    const rest = reading.chains.filter((chain) => !chain.some((id) => others.has(id)))
    return rest.length === 0 || rest.length === reading.chains.length ? reading : { ...reading, chains: rest }
  })
  return next.every((reading, place) => reading === all[place]) ? all : settle(next, isOfOne)
}

/** Whether two stages have the same steps and can have the same images, so that it doesn't matter which has which. */
function isAlike(one: Reading, other: Reading): boolean {
  const said = ({ steps, chains, ended }: Reading) =>
    JSON.stringify([steps.map(({ text }) => text.replace(/^(FROM \S+) AS .*$/i, '$1')), chains, ended])
  return said(one) === said(other)
}

/** What all chains begin with. */
function agreed(chains: readonly Chain[]): Chain {
  const [first = [], ...others] = chains
  const end = first.findIndex((id, place) => others.some((chain) => chain[place] !== id))
  return end < 0 ? first : first.slice(0, end)
}

/** How many lines have named an image, with and without word of the cache. */
interface Lines {
  readonly hits: number
  readonly others: number
}

function countLines(id: string, { lines }: Printed): Lines {
  const own = [...lines()].flatMap(([image, count]) => (id.startsWith(image) ? [count] : []))
  const sum = (of: keyof Lines) => own.reduce((total, count) => total + count[of], 0)
  return { hits: sum('hits'), others: sum('others') }
}

/** Whether no more lines have named an image than its one step prints. */
function isNamedOnce({ hits, others }: Lines): boolean {
  return hits <= 1 && others <= 1
}

/**
 * Whether one of the steps that have an image made it: a hit has two lines, the second of which has no word of the cache.
 * Of stages that are the same, one may have made what the other took, and nobody knows which.
 */
function hasRun({ hits, others }: Lines): boolean {
  return others > hits
}

/** What was said of an image while a step was under way. */
function namedAs({ named }: StageStep, id: string | undefined) {
  const found = id === undefined ? [] : named.filter(({ image }) => id.startsWith(image))
  if (id === undefined || found.length === 0) return undefined
  return { id, hit: found.some(({ hit }) => hit), at: Math.max(...found.map(({ at }) => at)) }
}

/** Id of the image that a stage stands on, where FROM names another stage: Buildah prints its image there. */
function baseOf({ index, text }: StageStep): string | undefined {
  return index === 0 ? /^FROM ([0-9a-f]{64})(?: |$)/.exec(text)?.[1] : undefined
}

function isOn(history: readonly HistoryEntry[], below: readonly HistoryEntry[] | undefined): boolean {
  if (below === undefined) return history.length > 0
  return history.length === below.length + 1 && below.every(({ text }, place) => history[place]?.text === text)
}

/** Whether an image's last entry can be of a step; of the one that it is of, always. */
function isMadeBy(history: readonly HistoryEntry[], { text }: StageStep): boolean {
  const [, keyword = '', rest = ''] = /^(\w+) ?(.*)$/s.exec(text) ?? []
  const made = history.at(-1)?.createdBy ?? ''
  const [prefix, name] = ['/bin/sh -c #(nop) ', keyword.toUpperCase()]
  if (name === 'RUN') return !made.startsWith(prefix) && made.includes(rest)
  // Buildah writes the digests of what they copy, and of ARG the names alone.
  if (name === 'COPY' || name === 'ADD' || name === 'ARG') return made.startsWith(`${prefix}${name} `)
  return made.startsWith(`${prefix}${text}`)
}

/** Stages that a step takes files from. */
function awaited({ text, stage }: StageStep, steps: readonly StageStep[]): number[] {
  const names = [...text.matchAll(/\bfrom=["']?([^\s,"']+)/g)].map(([, name = '']) => name.toLowerCase())
  const isMeant = (step: StageStep) => {
    const [, name] = /^FROM .+ AS (\S+)$/i.exec(step.text) ?? []
    return names.includes(String(step.stage)) || (name !== undefined && names.includes(name.toLowerCase()))
  }
  return steps.filter((step) => step.index === 0 && step.stage < stage && isMeant(step)).map((step) => step.stage)
}
