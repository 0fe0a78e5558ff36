import type { Env } from '../exec.js'
import type { ContextPath, Dependencies } from '../dockerfile/dependencies.js'
import { describeInLine } from '../errors.js'
import { quote } from '../lib/quote.js'
import { pathsRead } from '../source/copied-digests.js'
import { findAttributed } from '../source/extended-attributes.js'
import { readIgnored } from '../source/ignored-files.js'
import { type Survey, surveyContext } from '../source/scan.js'
import type { Source } from '../source/source.js'

/** Everything in a context. */
export const ALL: readonly ContextPath[] = [{ path: '', mounted: true }]

/** What lies in the context, and in each of the further ones. */
export interface Surveys {
  readonly survey: Survey
  /** Of the folders, in their order. */
  readonly others: readonly Survey[]
  readonly ignores: Awaited<ReturnType<typeof readIgnored>>
}

/** Looks at the files of the contexts. @throws Error where one can't be read */
export async function surveyContexts(
  source: Source,
  { paths }: Dependencies,
  folders: readonly { readonly folder: string }[],
): Promise<Surveys> {
  const ignores = await readIgnored(source)
  const [survey, ...others] = await Promise.all([
    surveyContext({
      ...{ context: source.context, ignores },
      paths: [...paths, ...pathsRead(source.dockerfile)],
    }),
    ...folders.map(({ folder }) => surveyContext({ context: folder, paths: ALL, ignores: () => false })),
  ])
  return { survey, others, ignores }
}

/** The first of these files that has extended attributes; undefined if none has. */
export async function firstAttributed(
  surveyed: readonly { readonly folder: string; readonly entries: Parameters<typeof findAttributed>[1] }[],
  env: Env,
): Promise<string | undefined> {
  const found = await Promise.all(surveyed.map(({ folder, entries }) => findAttributed(folder, entries, env)))
  return found.find((path) => path !== undefined)
}

/** Names come as text, so that one that isn't UTF-8 can't be told from one that isn't there. */
export function whyUnread(error: unknown): string {
  const { code, path } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' && path?.includes('\uFFFD') === true) return `the name ${quote(path)} isn't UTF-8`
  return describeInLine(error)
}
