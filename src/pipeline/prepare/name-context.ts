import { UserError } from '../../errors.js'
import { commitOf, type NameContext } from '../../metadata/ref-context.js'
import type { Context } from '../../runner/context.js'
import { git } from '../../source/git.js'
import { commitDateOf } from './commit-date.js'

/** What tags, labels and annotations are made of. @throws UserError for a variable that makes no sense */
export async function nameContext(context: Context): Promise<NameContext> {
  const { name, ref, names } = context.event
  const shortShaLength = digitsOf(names.shortShaLength)
  const known = { ...names, shortShaLength, eventName: name, ref, now: context.now }
  return { ...known, commitDate: names.commitDate ?? (await commitDateOf(commitOf(known), context)) }
}

/** The digits of a short commit; undefined if the variable of docker/metadata-action is not set. */
function digitsOf(text: string): number | undefined {
  if (text.trim() === '') return undefined
  if (/^\s*\d+\s*$/.test(text) && Number(text) > 0) return Number(text)
  throw new UserError(
    `Variable "DOCKER_METADATA_SHORT_SHA_LENGTH": got ${JSON.stringify(text)}.`,
    'Write the number of commit digits in a tag, such as `DOCKER_METADATA_SHORT_SHA_LENGTH: 12`, or remove it for 7.',
  )
}

/** The tags of the repository: the remote's, which a checkout need not have, and its own; undefined if Git has none. */
export async function listTags(context: Context): Promise<string[] | undefined> {
  const [remote, own] = await Promise.all([
    git(['ls-remote', '--tags', '--refs', 'origin'], context),
    git(['tag', '--list'], context),
  ])
  const lines = (text = '') => text.split('\n').filter((line) => line !== '')
  const tags = [...lines(remote).map((line) => line.replace(/^.*refs\/tags\//, '')), ...lines(own)]
  return tags.length === 0 ? undefined : [...new Set(tags)]
}
