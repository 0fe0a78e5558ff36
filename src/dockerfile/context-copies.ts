import type { Dockerfile, Instruction } from './dockerfile.js'
import { expand, globalValues } from './expansion.js'
import { mayDownload, type Names, neededStages, pathsOf, type ReachedPath, stagesNamed } from './dependencies.js'

/** An instruction that copies something, by its place. */
export interface Copy {
  /** `COPY` or `ADD` */
  readonly keyword: string
  readonly line: number
  /** Index of the stage, and of the instruction in it: FROM is 0. */
  readonly stage: number
  readonly index: number
}

/** One of which every file that it puts into the image comes from the context. */
export interface ContextCopy extends Copy {
  readonly paths: readonly ReachedPath[]
}

/** Those of the stages that the target (its index) needs: heredocs, `--from` and URLs are left out. Pure. */
export function contextCopies(dockerfile: Dockerfile, target: number, names: Names): ContextCopy[] {
  return neededStages(dockerfile, target, names).flatMap((stage) =>
    copiesIn(dockerfile, stage).flatMap(({ instruction, ...copy }) => {
      const { flags, heredoc } = instruction
      const hasOthers = heredoc || flags.some(({ name }) => name === 'from') || mayDownload(instruction)
      return hasOthers ? [] : [{ ...copy, paths: pathsOf(instruction) }]
    }),
  )
}

/** Those that layers of the target's image are of, the lowest first: its own and those of the stages it stands on. Pure. */
export function ownCopies(dockerfile: Dockerfile, target: number, names: Names): Copy[] {
  const values = globalValues(dockerfile, names.buildArgs, names.automatic)
  const { stages } = dockerfile
  const base = expand(stages[target]?.base ?? '', values) ?? ''
  const below = stagesNamed(base, stages.slice(0, target)).at(-1)
  const lower = below === undefined || names.contexts.has(base) ? [] : ownCopies(dockerfile, below, names)
  const own = copiesIn(dockerfile, target).map(({ keyword, line, stage, index }) => ({ keyword, line, stage, index }))
  return [...lower, ...own]
}

function copiesIn({ stages }: Dockerfile, stage: number): (Copy & { readonly instruction: Instruction })[] {
  return (stages[stage]?.instructions ?? []).flatMap((instruction, place) => {
    const { keyword, line } = instruction
    return keyword === 'COPY' || keyword === 'ADD' ? [{ keyword, line, stage, index: place + 1, instruction }] : []
  })
}
