import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { findAttributed } from '../source/extended-attributes.js'
import type { Context } from '../runner/context.js'
import { copiedPaths } from '../dockerfile/copies.js'
import {
  contextCopies,
  type ContextPath,
  type CopyStep,
  type Dependencies,
  dependenciesOf,
  ownCopies,
} from '../dockerfile/dependencies.js'
import { frontendOf, targetIndex } from '../dockerfile/dockerfile.js'
import { describeInLine } from '../errors.js'
import type { Env } from '../exec.js'
import type { Pair } from '../runner/input-parsers.js'
import { readIgnored } from '../source/ignored-files.js'
import { quote } from '../lib/quote.js'
import type { Inputs } from '../runner/inputs.js'
import { analysisOf } from '../source/analysis.js'
import { isPath, type Source } from '../source/source.js'
import { untrackedInput } from './step-inputs.js'
import { type Survey, surveyContext, type TakenFile } from '../source/scan.js'

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

const ALL: readonly ContextPath[] = [{ path: '', mounted: true }]
const IMAGE = 'docker-image://'

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
    const ignores = await readIgnored(source)
    const [survey, ...others] = await Promise.all([
      surveyContext({
        ...{ context: source.context, ignores },
        paths: [...dependencies.paths, ...copiedPaths(dockerfile).map((path) => ({ path, mounted: false }))],
      }),
      ...further.folders.map(({ folder }) => surveyContext({ context: folder, paths: ALL, ignores: () => false })),
    ])
    const surveys = further.folders.map(({ name, folder }, index) => ({ name, folder, survey: others[index] }))
    const seen = survey.listOf(dependencies.paths)
    const frontend = analysis.values.buildArgs.get('BUILDKIT_SYNTAX') ?? frontendOf(await readFile(source.file, 'utf8'))
    const attributed = await Promise.all([
      findAttributed(source.context, survey.entriesOf(dependencies.paths), env),
      ...surveys.map((one) => findAttributed(one.folder, one.survey?.entriesOf(ALL) ?? [], env)),
    ])
    const [first] = attributed.filter((path) => path !== undefined)
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

interface FurtherContexts {
  readonly folders: readonly { readonly name: string; readonly folder: string }[]
  readonly images: readonly string[]
  /** Which image each name stands for. */
  readonly named: readonly Pair[]
  readonly doubts: readonly string[]
}

/** The further build contexts that the Dockerfile uses. */
function contextsOf({ buildContexts }: Inputs, { contexts }: Dependencies, { workspace }: Context): FurtherContexts {
  const used = buildContexts.filter(({ name }) => contexts.includes(name))
  const isImage = ({ value }: { readonly value: string }) => value.startsWith(IMAGE)
  const folders = used.filter(({ value }) => isPath(value))
  const others = used.filter((one) => !isImage(one) && !folders.includes(one))
  return {
    folders: folders.map(({ name, value }) => ({ name, folder: resolve(workspace, value) })),
    images: used.filter(isImage).map(({ value }) => value.slice(IMAGE.length)),
    named: used.filter(isImage),
    doubts: others.map(
      ({ name }) => `the content of the build context ${JSON.stringify(name)} can't be determined before the build`,
    ),
  }
}

/** Names come as text, so that one that isn't UTF-8 can't be told from one that isn't there. */
export function whyUnread(error: unknown): string {
  const { code, path } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' && path?.includes('\uFFFD') === true) return `the name ${quote(path)} isn't UTF-8`
  return describeInLine(error)
}
