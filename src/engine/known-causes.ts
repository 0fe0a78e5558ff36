import type { Dockerfile, Stage } from '../dockerfile/dockerfile.js'
import { readWords } from '../dockerfile/lines.js'
import { quote } from '../lib/quote.js'
import { oneTypoFrom } from '../lib/spelling.js'

const INSTRUCTIONS =
  'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR'.split(
    ' ',
  )

/** What is known about a failure beside the output. */
export interface Scene {
  /** It was a login, and nothing else. */
  readonly isLogin?: boolean
  /** The registry that was contacted, if known. */
  readonly registry?: string | undefined
  /** Whether there is a login for a registry; absent if unknown. */
  readonly hasLogin?: (registry: string) => boolean
  readonly dockerfile?: Pick<Dockerfile, 'stages'>
  readonly ignoreFile?: { readonly path: string; readonly text: string | undefined } | undefined
}

/** A registry that asks for a login, and there is none. */
export function whyNoLogin({ registry, hasLogin }: Scene): string | undefined {
  if (registry === undefined || hasLogin === undefined || hasLogin(registry)) return undefined
  return `There is no login for ${registry}, and it requires one; some registries also say so if a repository doesn't exist. Set \`username\` and \`password\` (and \`registry: ${registry}\`), or log in with an earlier step.`
}

/**
 * The name of a stage in another case: Buildah compares case, and takes it for an image. Or the number of a stage that has a
 * name: a mount doesn't find it by that with Buildah below 1.45, nor with BuildKit.
 */
export function whyNoImage(name: string, { dockerfile }: Scene): string | undefined {
  const numbered = /^\d+$/.test(name) ? dockerfile?.stages[Number(name)]?.name : undefined
  if (numbered !== undefined)
    return `Stage ${name} has a name, by which RUN --mount must call it: write \`from=${numbered}\` instead of \`from=${name}\`.`
  const names = (dockerfile?.stages ?? []).flatMap((stage) => stage.name ?? [])
  const like = names.find((stage) => stage !== name && stage.toLowerCase() === name.toLowerCase())
  if (like === undefined) return whyNoStageLike(name, names, dockerfile?.stages ?? [])
  return `The Dockerfile has a stage ${quote(like)}, which for Buildah isn't ${quote(name)}: write ${quote(like)} in both places.`
}

/** A name behind `--from` that is taken for an image, since the stage is called a little differently. */
function whyNoStageLike(name: string, names: readonly string[], stages: readonly Stage[]): string | undefined {
  const isFrom = ({ name: flag, value }: { readonly name: string; readonly value: string }) =>
    flag === 'from' && value === name
  if (names.includes(name) || !stages.some(({ instructions }) => instructions.some(({ flags }) => flags.some(isFrom))))
    return undefined
  const like = oneTypoFrom(name, names) ?? names.find((stage) => stage.startsWith(name) || name.startsWith(stage))
  return (
    like && `The Dockerfile has no stage ${quote(name)}, so that it is taken for an image. Did you mean ${quote(like)}?`
  )
}

/** A name behind `--from` that is neither a stage nor an image. */
export function whyNoStage(name: string, scene: Scene): string {
  const like = whyNoImage(name, scene)
  if (like !== undefined) return like
  const stages = scene.dockerfile?.stages ?? []
  const names = stages.flatMap((stage) => stage.name ?? [])
  if (names.includes(name) && stages.some(copiesByVariable))
    return `A variable in \`--from\` isn't taken for stage ${quote(name)} here, and never by Docker. Name the stage by FROM, which takes variables that ARG declares in front of the first FROM: \`FROM $NAME AS source\`, then \`COPY --from=source\`.`
  const known = names.length === 0 ? 'has no named stage' : `has the stages ${names.map(quote).join(', ')}`
  return `The Dockerfile ${known}, and no image ${quote(name)} was found either. Write a stage above this line, or an image with its registry: \`--from=docker.io/library/alpine\`.`
}

function copiesByVariable({ instructions }: Stage): boolean {
  return instructions.some(({ flags }) => flags.some(({ name, value }) => name === 'from' && value.includes('$')))
}

/** A program of RUN that isn't in the image, or something that it needs. */
export function whyNoProgram(program: string): string {
  if (program === '/bin/sh')
    return 'The image has no /bin/sh, which RUN needs, unless it is written as RUN ["program", "argument"]. Run the step in a stage that has a shell, and copy its result with `COPY --from`.'
  return `The image has no ${quote(program)}, or what starts it is missing: the dynamic loader of a program (link it statically) or the interpreter in the first line of a script.`
}

/** A line of the Dockerfile that begins with none of its instructions. */
export function whyNoInstruction(name: string): string {
  const meant = oneTypoFrom(name, INSTRUCTIONS)
  if (meant !== undefined) return `${name} isn't an instruction of a Dockerfile. Did you mean ${meant}?`
  return `${name} isn't an instruction of a Dockerfile. If the line continues the one above, that one needs a \`\\\` at its end. If it is in a heredoc, that has to end with its name alone on a line, without blanks before it.`
}

/** A pattern that Go's `filepath.Match` can't read: which one, and where it stands. */
export function whyBadPattern(error: string, { ignoreFile }: Scene): string | undefined {
  const [, step] = /building at STEP "(?:COPY|ADD) (.*?)": /.exec(error) ?? []
  const words = step === undefined || error.includes('excludes list') ? [] : readWords(step).words
  const bad = words.find((word) => !word.startsWith('--') && isBadPattern(word))
  if (bad !== undefined) return `${quote(bad)} isn't a pattern: ${PATTERN_RULE}`
  const lines = (ignoreFile?.text ?? '').split('\n').map((line) => line.trim())
  const index = lines.findIndex((line) => !line.startsWith('#') && isBadPattern(line))
  if (ignoreFile === undefined || index < 0) return undefined
  return `Line ${index + 1} of ${ignoreFile.path}, ${quote(lines[index] ?? '')}, isn't a pattern: ${PATTERN_RULE}`
}

const PATTERN_RULE = 'a `[` begins a set such as `[a-z]`, and `\\[` is the character itself.'

/** Whether Go's `filepath.Match` refuses it. */
export function isBadPattern(pattern: string): boolean {
  for (let at = 0; at < pattern.length; at += 1) {
    if (pattern[at] === '\\') {
      at += 1
      if (at === pattern.length) return true
    } else if (pattern[at] === '[') {
      const set = /^\[(?:\^|(?!\^))(?:(?:\\[^]|[^\\\]-])(?:-(?:\\[^]|[^\\\]-]))?)+\]/u.exec(pattern.slice(at))
      if (set === null) return true
      at += set[0].length - 1
    }
  }
  return false
}
