import { symlinkSync } from 'node:fs'
import { join } from 'node:path'

import { expect, jest, test } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { succeed } from '../harness/clean-step.js'
import { type Files, makeWorkspace } from '../harness/folders.js'
import { imageFiles, type PulledImage } from '../harness/images.js'
import { runAction } from '../harness/runner.js'
import { skipJob } from '../harness/skip-steps.js'
import { type Dice, diceOf } from '../harness/staleness-random.js'
import { isExhaustive, seedOfSet } from '../harness/test-set.js'
import { useWarmPlace } from '../harness/use-warm-place.js'

jest.setTimeout(1_800_000)

const place = await useWarmPlace()

/** A checkout, and what the step is told about it. */
interface Project {
  readonly files: Readonly<Record<string, { readonly content: string; readonly mode: number }>>
  readonly links: Readonly<Record<string, string>>
  readonly lines: readonly string[]
  readonly ignored: readonly string[]
  readonly who: string
}

const file = (content: string, mode = 0o644) => ({ content, mode })

/** Instructions of which each project has some; what RUN steps give is decided by what they see. */
const instructions = [
  'COPY src /srv/src',
  'COPY --from=tools /tools /tools',
  'COPY conf/*.json /conf/',
  'COPY . /all',
  'COPY link/a /linked',
  'ENV SEEN=$WHO',
  'RUN echo $WHO > /who',
  'RUN --mount=type=bind,source=mounted,target=/m ls -l /m | cut -c1-10 > /modes; cat /m/* > /seen',
  'RUN find / -xdev -path /proc -prune -o -type f -path "/[a-s]*" -print | grep -v ^/proc | sort > /list',
]

const start: Project = {
  files: {
    'src/a': file('1'),
    'src/b/c': file('1'),
    'conf/x.json': file('{}'),
    'conf/y.txt': file('y'),
    'mounted/m': file('m'),
    'tools/tool': file('t', 0o755),
    'docs/readme': file('r'),
  },
  links: { link: 'src' },
  lines: ['COPY src /srv/src', 'COPY --from=tools /tools /tools', 'RUN echo $WHO > /who'],
  ignored: ['docs'],
  who: 'ada',
}

/** One small change, which may be one that doesn't count. */
const changes: readonly ((project: Project, dice: Dice, mark: string) => Project)[] = [
  (project, dice, mark) => edited(project, pick(Object.keys(project.files), dice), mark),
  (project, dice, mark) => edited(project, `${pick(['src', 'docs', 'conf', 'mounted', 'other'], dice)}/${mark}`, mark),
  (project, dice) => without(project, pick(Object.keys(project.files), dice)),
  (project, dice) => {
    const path = pick(Object.keys(project.files), dice)
    const { content = '', mode = 0 } = project.files[path] ?? {}
    return { ...project, files: { ...project.files, [path]: file(content, mode ^ 0o111) } }
  },
  (project, dice) => ({ ...project, links: { link: pick(['src', 'src/b', 'mounted'], dice) } }),
  (project, dice) => ({
    ...project,
    ignored: pick([['docs'], ['docs', '**/c'], ['*', '!src', '!conf', '!tools'], ['src/a']], dice),
  }),
  (project, dice) => ({ ...project, who: pick(['ada', 'bob'], dice) }),
  (project, dice) => ({ ...project, lines: [...project.lines, pick(instructions, dice)].slice(-4) }),
  (project) => project,
]

function pick<T>(list: readonly T[], dice: Dice): T {
  const [first] = list.slice(dice(list.length))
  if (first === undefined) throw new Error('there is nothing to pick')
  return first
}

function edited(project: Project, path: string, mark: string): Project {
  return { ...project, files: { ...project.files, [path]: file(mark, project.files[path]?.mode) } }
}

function without(project: Project, path: string): Project {
  return { ...project, files: Object.fromEntries(Object.entries(project.files).filter(([name]) => name !== path)) }
}

function checkOut({ files, links, lines, ignored }: Project): string {
  const dockerfile = [
    `FROM ${place.base} AS unneeded`,
    'COPY docs /docs',
    `FROM ${place.base} AS tools`,
    'COPY tools /tools',
    `FROM ${place.base}`,
    'ARG WHO',
    ...lines,
  ]
  const all: Files = {
    ...files,
    Dockerfile: `${dockerfile.join('\n')}\n`,
    // Times of a checkout are nothing that counts, and the files that say what counts are no part of it here.
    '.dockerignore': `${[...ignored, 'Dockerfile', '.dockerignore'].join('\n')}\n`,
  }
  const folder = makeWorkspace(all, accountFor('user'))
  for (const [path, target] of Object.entries(links)) symlinkSync(target, join(folder, path))
  return folder
}

/** What an image is to whoever runs it: its files and its configuration, without the times. */
function truthOf(image: PulledImage): unknown {
  const { config, architecture, os } = image.config
  return { files: [...imageFiles(image)].sort(([one], [other]) => (one < other ? -1 : 1)), config, architecture, os }
}

const seed = seedOfSet(20)
const enough = isExhaustive ? 5 : 2

test(`whenever nothing is built, a build of everything anew gives the same (TEST_SEED=${seed} repeats)`, async () => {
  const dice = diceOf(seed)
  const counts = { skipped: 0, built: 0 }
  let good = start
  let project = start
  // Neither always nor never, or it would tell nothing.
  for (let round = 0; Math.min(counts.skipped, counts.built) < enough; round += 1) {
    if (round === 100) throw new Error(`After 100 rounds there were ${JSON.stringify(counts)}`)
    const workspace = checkOut(project)
    const inputs = { 'build-args': `WHO=${project.who}` }
    const guessed = await runAction({ ...skipJob(place, 'guessed', [], { inputs }), workspace })
    // A change may take away what an instruction needs.
    if (guessed.exitCode === 0) good = project
    if (guessed.outputs['built'] === 'false') {
      counts.skipped += 1
      const anew = { 'no-cache': 'true' }
      await succeed({ ...skipJob(place, 'anew', [], { inputs: { ...inputs, ...anew } }), workspace })
      expect(truthOf(await place.pull('guessed'))).toStrictEqual(truthOf(await place.pull('anew')))
    } else if (guessed.exitCode === 0) counts.built += 1
    project = pick(changes, dice)(good, dice, `mark-${round}`)
  }
})
