import { declarationsOf } from '../../dockerfile/arguments.js'
import { type Dockerfile, stepsOf } from '../../dockerfile/dockerfile.js'

/** Images that a Dockerfile names by FROM and `--from`, as far as they can be told without running it; pure. */
export function baseImages({ globals, stages }: Dockerfile, buildArgs: readonly string[]): string[] {
  const given = new Map(buildArgs.map((line) => line.split(/=(.*)/s, 2) as [string, string | undefined]))
  const defaults = new Map(globals.flatMap(declarationsOf).map(({ name, value }) => [name, value]))
  const expand = (text: string) =>
    text.replaceAll(/\$\{(\w+)\}|\$(\w+)/g, (whole: string, braced: string, plain: string) => {
      const name = braced || plain
      return given.get(name) ?? defaults.get(name)?.replace(/^(["'])(.*)\1$/, '$2') ?? whole
    })
  const isStage = (name: string) =>
    /^\d+$/.test(name) || stages.some((stage) => stage.name?.toLowerCase() === name.toLowerCase())
  const steps = stepsOf({ globals, stages })
  const named = [
    ...stages.map(({ base }) => base),
    ...steps.flatMap(({ flags }) => flags.filter(({ name }) => name === 'from').map(({ value }) => value)),
  ]
  const images = named.map(expand).filter((name) => !isStage(name) && name !== 'scratch' && /^[\w.:/@-]+$/.test(name))
  return [...new Set(images)]
}
