import { join } from 'node:path'
import lt from 'semver/functions/lt.js'

import { makeFolder } from './folders.js'
import { contentOf } from './image-content.js'
import { type ImageFile, imageFiles, type PulledImage } from './images.js'
import { type BaseConfig, writeOciLayout } from './oci-layout.js'
import { pushLayout } from './registry-client.js'
import type { Place, Shows, StageCase, Variant } from './staleness-cases.js'
import type { Twin } from './staleness-changes.js'
import { type Tree, writeArchive } from './staleness-tree.js'

/** Many cases in one Dockerfile: their stages, and one in the end that takes over what each of them shows. */
export interface Sheet {
  /** The context and, in it, the Dockerfile; the folder `other` is a build context of its own. */
  readonly tree: Tree
  /** Case → the numbers of its stages, from 0. */
  readonly stages: ReadonlyMap<string, readonly number[]>
}

/** Writes those of the cases that this Buildah can build. */
export function writeSheet(
  cases: readonly StageCase[],
  v: Variant,
  images: Pick<Place, 'base' | 'moving' | 'fixed'>,
): Sheet {
  const written = cases.map(({ write }, n) => write({ ...images, v, n }))
  const before = written.flatMap((own, n) => stagesOf(own.before ?? []).map((lines) => ({ n, lines })))
  const main = written.map(({ from, lines }, n) => ({ n, lines: [`FROM ${from ?? images.base} AS c${n}`, ...lines] }))
  const looks = written.flatMap(({ look }, n) =>
    look === undefined ? [] : [{ n, lines: [`FROM c${n} AS l${n}`, `RUN (${look}) > /tmp/seen`] }],
  )
  // Far from what they need, so that Buildah has no reason to put one of them off.
  const stages = [...before, ...main, ...looks]
  const last = written.map(
    ({ look, seen = '/tmp/seen' }, n) =>
      `COPY --from=${look === undefined ? 'c' : 'l'}${n} ${seen} /${folderOf(n)}/seen`,
  )
  const globals = written.flatMap((own) => own.globals ?? [])
  const Dockerfile = [...globals, ...stages.flatMap(({ lines }) => lines), 'FROM scratch', ...last, ''].join('\n')
  const ignored = {
    'ignored/1001': 'x',
    'ignored/1002': 'x',
    'ignored/same': 'x',
    'other/same': 'x',
    '.dockerignore': `ignored/${v}\n`,
  }
  const files = written.flatMap((own, n) =>
    Object.entries(own.files ?? {}).flatMap(([path, entry]) => [
      [`c${n}/${path}`, entry] as const,
      [`other/c${n}/${path}`, entry] as const,
    ]),
  )
  const numbersOf = (wanted: number) => stages.flatMap(({ n }, index) => (n === wanted ? [index] : []))
  return {
    tree: { ...Object.fromEntries(files), ...ignored, Dockerfile },
    stages: new Map(cases.map(({ name }, n) => [name, numbersOf(n)])),
  }
}

/** Those that this Buildah can build. */
export function casesFor(cases: readonly StageCase[], version: string): StageCase[] {
  return cases.filter(({ since }) => since === undefined || !lt(version, since))
}

function stagesOf(lines: readonly string[]): string[][] {
  const stages: string[][] = []
  for (const line of lines) {
    if (line.startsWith('FROM ')) stages.push([line])
    else stages.at(-1)?.push(line)
  }
  return stages
}

/** Case → what an image shows of it. */
export type Shown = ReadonlyMap<string, string>

/** What the image shows of each case. */
export function shownBy(image: PulledImage, cases: readonly StageCase[]): Shown {
  const files = [...imageFiles(image)]
  return new Map(
    cases.map(({ name }, n) => {
      const prefix = `${folderOf(n)}/`
      const own = files.filter(([path]) => path.startsWith(prefix))
      const shows = own.map(([path, file]) => [path.slice(prefix.length), describe(image, path, file)])
      return [name, textOf(Object.fromEntries(shows) as Shows)]
    }),
  )
}

/** What the cases say that an image must show of them. */
export function wantedBy(cases: readonly StageCase[], v: Variant): Shown {
  return new Map(cases.map(({ name, shows }, n) => [name, textOf(shows?.({ v, n }) ?? v)]))
}

function describe(image: PulledImage, path: string, { type, mode, uid, gid, linkname }: ImageFile): string {
  const rights = `${mode.toString(8)} ${uid}:${gid}`
  if (type === 'directory') return `${rights} folder`
  if (type === 'symlink') return `${rights} → ${linkname}`
  return `${rights} ${contentOf(image, path).toString().trimEnd()}`
}

function textOf(shows: Shows): string {
  const files = typeof shows === 'string' ? { seen: `644 0:0 ${shows}` } : shows
  const lines = Object.entries(files).map(([path, what]) => `${path}: ${what}`)
  return lines.sort().join('\n')
}

function folderOf(n: number): string {
  return `case-${n}`
}

/** Stage → how many of its steps Buildah found and how many it ran, FROM left out. */
export function stepsByStage(log: string): Map<number, { hit: number; ran: number }> {
  const counts = new Map<number, { hit: number; ran: number }>()
  let current: { hit: number; ran: number } | undefined
  for (const line of log.split('\n')) {
    const [, stage, step] = /^\[(\d+)\/\d+\] STEP (\d+)(?:\/\d+)?: (?!COMMIT)/.exec(line) ?? []
    if (stage !== undefined && step !== '1') {
      current = counts.get(Number(stage) - 1) ?? { hit: 0, ran: 0 }
      current.ran += 1
      counts.set(Number(stage) - 1, current)
    } else if (current !== undefined && line.startsWith('--> Using cache ')) {
      current.ran -= 1
      current.hit += 1
    }
  }
  return counts
}

/** Pushes one of two images that differ in their configuration alone, over the one that this tag had. */
export async function pushTwin(reference: string, twin: Twin): Promise<void> {
  await pushFile(reference, 'x', { Env: [`SHADE=${twin}`], Cmd: ['/none'] })
}

/** Pushes an image whose only file says which variant it is, over the one that this tag had. */
export async function moveTag(reference: string, v: Variant): Promise<void> {
  await pushFile(reference, v, { Env: [`MOVED=${v}`], Cmd: ['/none'] })
}

async function pushFile(reference: string, content: string, config: BaseConfig): Promise<void> {
  const folder = makeFolder('moving')
  await writeArchive(join(folder, 'files.tar'), { 'etc/seen': content })
  await writeOciLayout(join(folder, 'layout'), join(folder, 'files.tar'), config)
  await pushLayout(join(folder, 'layout'), reference)
}
