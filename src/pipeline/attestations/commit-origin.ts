import type { Commit } from '../../attestation/provenance.js'
import type { Context } from '../../runner/context.js'
import { git } from '../../source/git.js'
import { parseGitContext } from '../../source/git-url.js'

/**
 * The commit that a build is of: that of a Git context, or that of the workspace, where it is the one that the event
 * names. What else may be checked out there is of a repository that nobody has named.
 */
export async function commitOrigin(written: string, context: Context): Promise<Commit | undefined> {
  const fetched = parseGitContext(written)
  if (fetched !== undefined) {
    const uri = `git+${fetched.url.replace(/\.git$/, '')}`
    return /^[0-9a-f]{40,64}$/.test(fetched.ref) ? { uri, sha: fetched.ref } : { uri: `${uri}@${fetched.ref}` }
  }
  const { repository, ref, names } = context.event
  if (repository === '') return undefined
  const sha = (await git(['rev-parse', '--verify', 'HEAD'], context))?.trim() ?? ''
  const uri = `git+${context.server}/${repository}`
  if (sha !== '' && sha === names.sha) return { uri: ref === '' ? uri : `${uri}@${ref}`, sha }
  // The head of a pull request has been checked out instead of its merge.
  return sha !== '' && sha === names.prHeadSha ? { uri, sha } : undefined
}
