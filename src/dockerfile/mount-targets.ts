import { parseDockerfile } from './dockerfile.js'
import { literal } from '../lib/regexp.js'
import { editLines } from './line-edits.js'
import { mountOptions, readMounts } from './mounts.js'

const TARGETS = ['target', 'dst', 'destination']

/**
 * The text of a Dockerfile in which every mount says that it is at the working directory, where it says nothing; undefined
 * where none does so. BuildKit takes it for that, Buildah stops (`mountWithoutTarget`). Pure.
 */
export function withMountTargets(text: string): string | undefined {
  const dockerfile = parseDockerfile(text)
  if (dockerfile.ambiguous !== undefined) return undefined
  const edits = dockerfile.stages
    .flatMap(({ instructions }) => instructions)
    .flatMap((instruction) =>
      readMounts(instruction)
        .filter(({ isReadable, ...mount }) => isReadable && lacksTarget(mount))
        .map((mount) => ({
          line: instruction.line,
          find: new RegExp(`(?<=\\s--mount=${literal(mount.text)})(?=\\s|$)`),
          put: ',target=.',
        })),
    )
  return edits.length === 0 ? undefined : editLines(text, dockerfile, edits)
}

/** Secrets and keys have a place of their own. */
function lacksTarget({ text, type = 'bind' }: { readonly text: string; readonly type: string | undefined }): boolean {
  const options = mountOptions(text)
  return /^(bind|cache|tmpfs)$/.test(type) && !TARGETS.some((name) => options.has(name))
}
