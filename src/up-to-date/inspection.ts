import { readFile } from 'node:fs/promises'
import type { Context } from '../runner/context.js'
import { contextCopies, type CopyStep, dependenciesOf, ownCopies } from '../dockerfile/dependencies.js'
import { frontendOf, targetIndex } from '../dockerfile/dockerfile.js'
import type { Env } from '../exec.js'
import type { Inputs } from '../runner/inputs.js'
import { analysisOf } from '../source/analysis.js'
import type { Source } from '../source/source.js'
import { untrackedInput } from './untracked-input.js'
import type { Survey, TakenFile } from '../source/scan.js'
import { contextsOf } from './further-contexts.js'
import { ALL, firstAttributed, surveyContexts, whyUnread } from './surveys.js'

/** All that lies on this machine and goes into the image, as it was found. */
export interface Inspection {
  /** Images by the names that the Dockerfile has for them. */
  readonly images: readonly string[]
  /** The image by which BuildKit reads the Dockerfile, where one is named. */
  readonly frontend: string | undefined
  /** What keeps from telling what goes into the image, as sentences without their full stop. */
  readonly doubts: readonly string[]
  /** What is copied or mounted of the context; undefined if it couldn't be looked at. */
  readonly survey: Survey | undefined
  /** How many files of the context can be in the image. */
  readonly files: number
  /** What each instruction takes of the context, and all that was read of it. */
  readonly copies: readonly CopyRead[]
  /** Instructions that layers of the image itself are of, the lowest first. */
  readonly ownCopies: readonly CopyStep[]
  readonly read: () => readonly TakenFile[]
  /** The first of all that was read which has changed since; undefined if nothing has. */
  findChanged(): Promise<string | undefined>
  /**
   * @param keepsExcludedFolders whether folders count that the ignore file excludes and something in them isn't
   * @throws Error if something can't be read
   */
  digests(
    keepsExcludedFolders: boolean,
  ): Promise<{ readonly context: string; readonly contexts: ReadonlyMap<string, string> }>
}

/** An instruction that takes all its files from the context, and which those are. */
export interface CopyRead extends CopyStep {
  readonly files: () => readonly TakenFile[]
}

/**
 * Looks at what is going to be built. Never rejects.
 * @param env of the engine
 */
export async function inspect(inputs: Inputs, source: Source, context: Context, env: Env): Promise<Inspection> {
  const { dockerfile } = source
  const analysis = analysisOf(inputs, dockerfile, env)
  const target = targetIndex(dockerfile, source.target)
  const dependencies = dependenciesOf(analysis, target)
  const hidden = untrackedInput(inputs, source)
  const further = contextsOf(inputs, dependencies, context)
  const doubts = [
    ...dependencies.doubts,
    ...further.doubts,
    ...(hidden === undefined ? [] : [`${hidden} may add files that can't be compared`]),
  ]
  try {
    const { survey, others, ignores } = await surveyContexts(source, dependencies, further.folders)
    const surveys = further.folders.map(({ name, folder }, index) => ({ name, folder, survey: others[index] }))
    const seen = survey.listOf(dependencies.paths)
    const frontend = analysis.values.buildArgs.get('BUILDKIT_SYNTAX') ?? frontendOf(await readFile(source.file, 'utf8'))
    const first = await firstAttributed(
      [
        { folder: source.context, entries: survey.entriesOf(dependencies.paths) },
        ...surveys.map(({ folder, survey: one }) => ({ folder, entries: one?.entriesOf(ALL) ?? [] })),
      ],
      env,
    )
    if (first !== undefined) doubts.push(`${JSON.stringify(first)} has extended attributes, which aren't compared`)
    return {
      ...{ images: [...dependencies.images, ...further.images], frontend, doubts, survey, files: seen.length },
      copies: contextCopies(analysis, target).map((copy) => ({ ...copy, files: () => survey.takenBy(copy.paths) })),
      ownCopies: ownCopies(analysis, target),
      read: () => survey.takenBy(dependencies.paths),
      async findChanged() {
        const changed = await Promise.all([survey, ...others].map((one) => one.findChanged()))
        return changed.find((path) => path !== undefined)
      },
      async digests(keepsExcludedFolders) {
        const contexts = new Map(further.named.map(({ name, value }) => [name, value]))
        for (const one of surveys) contexts.set(one.name, (await one.survey?.digestOf(ALL)) ?? '')
        const digest = await survey.digestOf(dependencies.paths, keepsExcludedFolders)
        return { context: [digest, ignores.ambiguous ?? ''].join(' '), contexts }
      },
    }
  } catch (error) {
    const why = `some build inputs can't be read: ${whyUnread(error)}`
    return {
      ...{ images: [], frontend: undefined, doubts: [...doubts, why], survey: undefined, files: 0 },
      ...{ copies: [], ownCopies: [], read: () => [], findChanged: () => Promise.resolve(undefined) },
      digests: () => Promise.reject(new Error(why)),
    }
  }
}
