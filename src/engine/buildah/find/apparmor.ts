/** Of a machine, what decides whether AppArmor lets a program make user namespaces, as files tell it. */
export interface AppArmor {
  /** /proc/sys/kernel/apparmor_restrict_unprivileged_userns (Ubuntu from 23.10 on): 1 restricts to programs with a profile. */
  readonly restricts: boolean
  /** The machine's profiles apply in there, and can't be read. */
  readonly inContainer: boolean
  /** Texts of the profiles in /etc/apparmor.d. */
  readonly profiles: readonly string[]
  /** There is a PROFILED. */
  readonly hasProfiled: boolean
}

/** The one path of Buildah that distributions have a profile for. */
export const PROFILED = '/usr/bin/buildah'

/**
 * The program that makes the user namespaces of this Buildah: itself, or the system's one where AppArmor allows that
 * alone to, in whose namespace it then runs. Pure.
 */
export function launcherOf(program: string, { restricts, inContainer, profiles, hasProfiled }: AppArmor): string {
  const isAllowed = (path: string) => profiles.some((text) => allows(text, path))
  if (!restricts || !hasProfiled || isAllowed(program)) return program
  return inContainer || isAllowed(PROFILED) ? PROFILED : program
}

/** The lines to paste which give such a program a profile. Pure. */
export function profileFor(program: string): string {
  const file = '/etc/apparmor.d/rootless-image-build'
  return [`sudo tee ${file} <<'END'`, ...profileText(program), 'END', `sudo apparmor_parser --replace ${file}`].join(
    '\n',
  )
}

/** Where archives of whatever content and version are kept. */
const IN_TOOL_CACHE = /\/buildah-[0-9a-f]{16}\/[^/]+\/[^/]+\/bin\/buildah$/

/** The profile itself, in the language of AppArmor 4; pure. */
export function profileText(program: string): string[] {
  return [
    ...['abi <abi/4.0>,', 'include <tunables/global>', ''],
    `profile rootless-image-build ${JSON.stringify(program.replace(IN_TOOL_CACHE, '/buildah-*/*/*/bin/buildah'))} flags=(unconfined) {`,
    ...['  userns,', '}'],
  ]
}

/** Whether one of the profiles of a file is attached to this path, and has `userns`. */
function allows(text: string, program: string): boolean {
  const bare = text.replaceAll(/^\s*#.*$/gm, '')
  const heads = bare.matchAll(/^\s*(?:profile\s+(?:"[^"]*"|\S+)\s+)?("\/[^"]+"|[/@]\S+)\s*([^\n]*)\{$/gm)
  return [...heads].some(([head, path = '']) => {
    const body = bare.slice(bare.indexOf(head) + head.length).split(/^\s*\}/m)[0] ?? ''
    return /^\s*(allow\s+)?userns\b[^\n]*,/m.test(body) && globOf(path.replaceAll('"', '')).test(program)
  })
}

/** AppArmor's patterns of paths, without its variables: what has one matches nothing. */
function globOf(pattern: string): RegExp {
  const source = pattern.replaceAll(
    /\*\*|[*?{},]|[^*?{},]+/g,
    (part) => GLOBS[part] ?? part.replaceAll(/[\^$.|+()[\]]/g, '\\$&'),
  )
  return new RegExp(`^${source}$`)
}

const GLOBS: Readonly<Record<string, string>> = {
  '**': '.*',
  '*': '[^/]*',
  '?': '[^/]',
  '{': '(?:',
  '}': ')',
  ',': '|',
}
