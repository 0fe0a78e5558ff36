import { posix } from 'node:path'
import type { ContainersStorage } from '../../build-storage.js'
import { openStoredImage, type StoredFile, type StoredImage } from '../../cache/containers-storage/root-filesystem.js'
import type { Image } from '../../engine/engine.js'
import { UserError } from '../../errors.js'
import { architectureOf, readElfHeader } from '../../lib/elf.js'
import { objectOf, textsOf } from '../../lib/json.js'
import { formatPlatform, type Platform } from '../../lib/platform.js'
import { quote } from '../../lib/quote.js'

/** An image that has a program of another processor than the one that it is for. */
export class WrongArchitectureError extends UserError {}

/** Enough for the header of an ELF file, and for the first line of a script. */
const HEAD_BYTES = 256
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
/** Processors that run programs of a narrower one as well. */
const RUNS_AS_WELL: Readonly<Record<string, string>> = { amd64: '386', arm64: 'arm' }
/** A script may be run by a script. */
const MAX_SCRIPTS = 3

/**
 * Looks into the image, not at its label: the program that it starts must be of its processor. Where there is nothing to
 * read, or it is no ELF file, nothing is said.
 * @param root of the storage that it was built in
 * @param platform that was asked for; undefined for whatever the image says of itself
 * @throws WrongArchitectureError that names the file and both processors
 */
export async function checkArchitecture(
  { layout }: Pick<ContainersStorage, 'layout'>,
  root: string,
  { id }: Pick<Image, 'id'>,
  platform: Platform | undefined,
): Promise<void> {
  const image = await openStoredImage(root, layout, id).catch(() => undefined)
  if (image === undefined) return
  const wanted = platform?.architecture ?? image.config['architecture']
  const found = await programIn(image).catch(() => undefined)
  if (typeof wanted !== 'string' || found === undefined || fits(found.architecture, wanted)) return
  if (await found.file.mayBeHidden()) return
  throw wrong(found, platform === undefined ? `linux/${wanted}` : formatPlatform(platform))
}

/** A program, and the processor that it is for. */
interface Program {
  readonly file: StoredFile
  readonly architecture: string
  /** What the image starts, as its configuration has it. */
  readonly started: string
}

/** What the image starts: its entrypoint, else its command, else a shell; of a script, what runs that. */
async function programIn(image: StoredImage): Promise<Program | undefined> {
  const { Entrypoint, Cmd, Env, WorkingDir } = objectOf(image.config['config'])
  const [started] = [textsOf(Entrypoint), textsOf(Cmd), ['/bin/sh']].find(([first]) => first !== undefined) ?? []
  if (started === undefined) return undefined
  const path =
    textsOf(Env)
      .find((one) => one.startsWith('PATH='))
      ?.slice('PATH='.length) ?? DEFAULT_PATH
  const folder = typeof WorkingDir === 'string' ? WorkingDir : '/'
  let program = started
  for (let depth = 0; depth < MAX_SCRIPTS; depth += 1) {
    const file = await locate(program, { path, folder }, image)
    const head = await file?.head(HEAD_BYTES)
    if (file === undefined || head === undefined) return undefined
    const elf = readElfHeader(head)
    const architecture = elf && architectureOf(elf)
    if (architecture !== undefined) return { file, architecture, started }
    const interpreter = interpreterOf(head.toString('utf8'))
    if (interpreter === undefined) return undefined
    program = interpreter
  }
  return undefined
}

/** As a shell looks it up. */
async function locate(
  program: string,
  { path, folder }: { readonly path: string; readonly folder: string },
  image: StoredImage,
): Promise<StoredFile | undefined> {
  if (program.includes('/')) return await image.find(posix.resolve('/', folder, program))
  for (const place of path.split(':')) {
    const file = await image.find(posix.resolve('/', folder, place, program))
    if (file !== undefined) return file
  }
  return undefined
}

/** The program that runs a script, by its first line: what `env` looks up where it is that. Pure. */
export function interpreterOf(text: string): string | undefined {
  const [, line] = /^#![ \t]*([^\n]*)\n/.exec(text) ?? []
  const [program, ...words] = line?.trim().split(/[ \t]+/) ?? []
  if (program === undefined || !program.startsWith('/')) return undefined
  if (posix.basename(program) !== 'env') return program
  return words.find((word) => !word.startsWith('-') && !word.includes('='))
}

/** Whether a processor runs programs of another one by itself. Pure. */
function fits(architecture: string, wanted: string): boolean {
  return architecture === wanted || RUNS_AS_WELL[wanted] === architecture
}

function wrong({ file, architecture, started }: Program, platform: string): WrongArchitectureError {
  const by = file.path === started ? '' : ` (by ${quote(started)})`
  return new WrongArchitectureError(
    `The Dockerfile makes a wrong image for ${platform}: the program that it starts, ${quote(file.path)}${by}, is built for ${architecture}.`,
    `Look where that file comes from. Often a stage with \`FROM --platform=$BUILDPLATFORM\` compiles for its own processor (let it compile for $TARGETARCH), the last FROM has a \`--platform\`, or COPY takes a program that was built elsewhere.`,
  )
}
