import type { SharedStage } from '../../dockerfile/shared-stages.js'
import type { BuildSpec, Engine, ResolvedEngine } from '../../engine/engine.js'
import type { Step } from '../../engine/progress.js'
import type { Env } from '../../exec.js'
import { info } from '../../log.js'
import { type Layers, listLayers } from '../../up-to-date/copied-layers.js'
import { baseImages } from '../prepare/base-images.js'
import { buildFresh } from '../build/build.js'
import type { ReadyStages } from '../build/built-stages.js'
import { clearAfter } from '../cache/clear-cache.js'
import { warnOfReplacedLinks } from '../build/replaced-links.js'
import type { RestoredCache } from '../cache/restore-cache.js'

/** One of the stages, with the steps that it took to build it. */
export interface BuiltStage {
  readonly stage: SharedStage
  /** `sha256:…`; undefined as long as it isn't built. */
  id: string | undefined
  steps: readonly Step[]
}

/** What stages are built with. */
export interface Building {
  readonly engine: Engine
  readonly restored: RestoredCache
  /** Of the engine. */
  readonly env: Env
}

/**
 * Builds stages in their order: what one has in common with those before comes from the storage.
 * @param built gets each when it is begun
 */
export async function buildStages(
  stages: readonly SharedStage[],
  spec: BuildSpec,
  { engine, restored, env }: Building,
  built: BuiltStage[],
): Promise<void> {
  const buildOne = async (stage: SharedStage) => {
    const one: BuiltStage = { stage, id: undefined, steps: [] }
    built.push(one)
    const source = { ...spec.source, target: stage.name }
    const images = baseImages(spec.inputs, source, env)
    const onSteps = (steps: readonly Step[]) => {
      one.steps = steps
    }
    const request = { ...spec, source, images, cache: restored.access, onSteps }
    const image = await buildFresh(engine, request, restored, () => one.steps.some(({ hit }) => hit))
    one.id = image.id
  }
  const build = async () => {
    built.length = 0
    for (const stage of stages) await buildOne(stage)
  }
  await build().catch(async (error: unknown) => {
    await clearAfter(error, restored)
    await build()
  })
}

/** What is handed out of stages; undefined where a base image has put instructions in them, and nobody knows of what. */
export async function readyStages(
  built: readonly BuiltStage[],
  { source }: BuildSpec,
  { engine, restored }: Building,
  store: ResolvedEngine['store'],
): Promise<ReadyStages | undefined> {
  const isOther = ({ stage, of }: Step) => of !== (source.dockerfile.stages[stage]?.instructions.length ?? -1) + 1
  if (built.some(({ steps }) => steps.length === 0 || steps.some(isOther))) {
    info(
      'Stages: built for each platform after all, since Buildah ran steps that are not in the Dockerfile (is there ONBUILD in a base image?)',
    )
    return undefined
  }
  const { root } = restored.warm
  let layers: Layers = []
  if (store.kind === 'root') {
    const listed = await listLayers(store, root, stepsOf(built))
    await warnOfReplacedLinks(store, root, listed, source)
    layers = listed
  }
  const images = built.flatMap(({ stage: { index, calledAs }, id }) =>
    id === undefined ? [] : [{ stage: index, calledAs, id }],
  )
  return { root, images, layers, imageNames: () => engine.imageNames() }
}

/** All steps as one build has them: each stage as it was built first. Pure. */
export function stepsOf(built: readonly BuiltStage[]): Step[] {
  const stages = Math.max(0, ...built.map(({ stage }) => stage.index + 1))
  const seen = new Set<number>()
  return built.flatMap(({ steps }) => {
    const fresh = steps.filter(({ stage }) => !seen.has(stage))
    for (const { stage } of fresh) seen.add(stage)
    return fresh.map((step) => ({ ...step, stages }))
  })
}
