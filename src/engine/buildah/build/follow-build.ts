import { followProgress, type Progress, type Step } from '../../progress.js'
import { readHistories } from './image-histories.js'
import type { BuildahSetup } from '../setup.js'
import { followStages } from './stage-progress.js'
import { imagesIn, stepsWithImages } from './step-images.js'

export interface FollowedBuild extends Pick<Progress, 'add' | 'isDoubtful'> {
  /** How many steps have ended so far, or seem to. */
  readonly ended: () => number
  /** To be asked when the build has ended. @param isOver whether it has succeeded */
  readonly steps: (isOver: boolean) => Promise<readonly Step[]>
}

/** Follows a build by what it prints, and, where several stages are built at once, by what it leaves in the storage. */
export function followBuild(jobs: number, { root, mode }: Pick<BuildahSetup, 'root' | 'mode'>): FollowedBuild {
  if (jobs === 1) {
    const { add, isDoubtful, steps } = followProgress(Date.now)
    const ended = () => steps().filter(({ image }) => image !== undefined).length
    return { add, isDoubtful, ended, steps: () => Promise.resolve(steps()) }
  }
  const progress = followStages(Date.now)
  return {
    add: progress.add,
    ended: () => progress.lines().size,
    isDoubtful: () => progress.doubtful().size > 0,
    steps: async (isOver) =>
      stepsWithImages(progress, await readHistories(root, mode.driver, imagesIn(progress)), isOver),
  }
}
