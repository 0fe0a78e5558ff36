import lt from 'semver/functions/lt.js'
import type { Analysis } from '../../dockerfile/analysis.js'
import { inheritedArguments } from '../../dockerfile/inherited-arguments.js'
import { stepsAfterVolumes } from '../../dockerfile/volumes.js'

/** All that a fault may be looked for in. */
export interface FaultFacts {
  readonly analysis: Analysis
  /** Of the storage: `overlay-rootless`. */
  readonly layout: string
  /** Volumes of base images, by their names. */
  readonly volumes: ReadonlyMap<string, readonly string[]>
}

/** Something that releases of Buildah build wrongly without a word. */
export type Fault = Row &
  // What isn't in the Dockerfile is known too late for another release.
  (
    | { readonly answer: 'refused'; readonly find: (facts: Pick<FaultFacts, 'analysis'>) => readonly Finding[] }
    | { readonly answer: 'warned' | 'noted'; readonly find: (facts: FaultFacts) => readonly Finding[] }
  )

interface Row {
  /** What has it, as documents and messages name it. */
  readonly what: string
  /** The first release that gets it right. */
  readonly until: string
  /** What the ones before make of it, as the end of a sentence. */
  readonly wrong: string
  /**
   * What is done about it: such a release doesn't build it; or it does, and the user is warned; or the log says so, where
   * the image is usable as it is.
   */
  readonly answer: 'refused' | 'warned' | 'noted'
}

/** Where it is. */
interface Finding {
  /** Of the Dockerfile; undefined where it concerns the whole build. */
  readonly line?: number
  /** What exactly, where the row alone doesn't tell: `/data`. */
  readonly detail?: string
}

const VOLUMES_ARE_KEPT = '1.37.0'

/**
 * The one table of what releases of Buildah get wrong, in the order in which it is told. Each row was tried with releases
 * on both sides; docs/engines.md has the same.
 */
export const FAULTS: readonly Fault[] = [
  {
    what: 'ADD of a Git repository',
    until: '1.38.0',
    wrong: 'it adds the web page at that address',
    answer: 'refused',
    find: ({ analysis }) =>
      analysis.stages
        .flatMap(({ steps }) => steps)
        .filter(({ instruction, copy }) => instruction.keyword === 'ADD' && copy?.sources.some(isRepository))
        .map(({ instruction }) => ({ line: instruction.line })),
  },
  {
    what: 'an ARG of the stage in FROM',
    until: '1.41.0',
    wrong: 'it is empty there',
    answer: 'refused',
    find: ({ analysis }) => inheritedArguments(analysis).map(({ line, name }) => ({ line, detail: name })),
  },
  {
    what: 'a RUN that works in a VOLUME declared before it',
    until: VOLUMES_ARE_KEPT,
    wrong: 'what it changes there is lost',
    answer: 'refused',
    find: ({ analysis }) =>
      stepsAfterVolumes(analysis)
        .filter(({ isNamed }) => isNamed)
        .map(({ line, volume }) => ({ line, detail: volume })),
  },
  {
    what: 'another RUN after a VOLUME',
    until: VOLUMES_ARE_KEPT,
    wrong: 'what it changes there is lost, if it does',
    answer: 'warned',
    // One warning for all of them.
    find: ({ analysis }) =>
      stepsAfterVolumes(analysis)
        .filter(({ isNamed }) => !isNamed)
        .map(({ line, volume }) => ({ line, detail: volume }))
        .slice(0, 1),
  },
  {
    what: 'a RUN that works in a volume of its base image',
    until: VOLUMES_ARE_KEPT,
    wrong: 'what it changes there is lost',
    answer: 'warned',
    find: ({ analysis, volumes }) =>
      stepsAfterVolumes(analysis, volumes)
        .filter(({ isNamed, volume }) => isNamed && [...volumes.values()].flat().includes(volume))
        .map(({ line, volume }) => ({ line, detail: volume })),
  },
  {
    what: 'rootless layers on overlay',
    until: '1.35.0',
    wrong: 'files that a step changes keep an extended attribute (`user.overlay.origin`) in their layer',
    answer: 'noted',
    find: ({ layout }) => (layout === 'overlay-rootless' ? [{}] : []),
  },
]

/** As Buildah itself tells a repository from a file. */
function isRepository(source: string): boolean {
  return /^https?:\/\/.*\.git(#.+)?$/.test(source)
}

/** What a Dockerfile has that older releases don't build, with the first one that does; pure. */
export function refusedFaults(
  facts: Pick<FaultFacts, 'analysis'>,
): { readonly what: string; readonly since: string }[] {
  return FAULTS.filter((fault) => fault.answer === 'refused').flatMap(({ what, until, wrong, find }) =>
    find(facts).map((finding) => ({ what: `${placed(finding, what)} (in older versions, ${wrong})`, since: until })),
  )
}

/** Whether this release goes wrong by volumes of base images, so that they have to be known; pure. */
export function losesVolumes(version: string): boolean {
  return lt(version, VOLUMES_ARE_KEPT)
}

/** What is said of a build by this version, as sentences; pure. */
export function toldFaults(
  version: string,
  facts: FaultFacts,
): { readonly warnings: string[]; readonly notes: string[] } {
  const told = (wanted: Fault['answer']) =>
    FAULTS.filter(({ answer, until }) => answer === wanted && lt(version, until)).flatMap(
      ({ what, until, wrong, find }) =>
        find(facts).map((finding) => `${placed(finding, what)}: with Buildah below ${until}, ${wrong}`),
    )
  return { warnings: told('warned'), notes: told('noted') }
}

function placed({ line, detail }: Finding, what: string): string {
  const whole = detail === undefined ? what : `${what}, ${detail}`
  return line === undefined ? whole : `Dockerfile line ${line}: ${whole}`
}
