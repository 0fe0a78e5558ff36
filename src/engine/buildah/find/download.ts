import { createHash } from 'node:crypto'
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { arch } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Context } from '../../../runner/context.js'
import { describeInLine, UserError } from '../../../errors.js'
import { download, type Download, DownloadError } from '../../../lib/download.js'
import { formatBytes } from '../../../lib/format.js'
import { info } from '../../../log.js'

/** One version in a manifest of the shape of actions/versions-manifest, each file with its SHA-256. */
interface Release {
  readonly version: string
  readonly stable: boolean
  readonly files: readonly ReleaseFile[]
}

interface ReleaseFile {
  readonly arch: string
  readonly platform: string
  /** Relative to where the manifest is, or absolute. */
  readonly download_url: string
  readonly filename: string
  readonly sha256: string
}

/** A manifest of archives of Buildah. */
export interface Manifest {
  /** `own` is that of this action, whose archives need not be there. */
  readonly kind: 'own' | 'given'
  /** Path, relative to the workspace, or URL. */
  readonly source: string
  /** What addresses in it are relative to, where it isn't the manifest itself. */
  readonly base?: string
}

/** A program out of an archive; or, of the action's own archives, why there is none, as a clause. */
export type Fetched = { readonly path: string } | { readonly missing: string } | undefined

/**
 * Gets the newest fitting Buildah that a manifest lists for this machine, from the tool cache or by a download that is
 * checked before it is unpacked. The archive is a tar.gz with `bin/buildah` in it.
 * @returns undefined when the manifest has none that fits
 * @throws UserError when the manifest or the archive isn't what it should be
 */
export async function fetchBuildah(
  manifest: Manifest,
  fits: (version: string) => boolean,
  context: Context,
): Promise<Fetched> {
  if (context.toolCache === undefined) {
    if (manifest.kind === 'own') return { missing: 'RUNNER_TOOL_CACHE, where it would be stored, is not set' }
    throw new UserError(
      'Input "buildah-manifest" needs a tool cache, and RUNNER_TOOL_CACHE is not set.',
      'Set it to a folder that the user who runs the step may write.',
    )
  }
  const tools = await import('@actions/tool-cache')
  // Everything that is fetched goes here and is gone in the end, however it ends.
  const temporary = await mkdtemp(join(context.temp, 'rootless-image-build-archive-'))
  try {
    const { releases, base } = await readManifest(manifest, context, temporary)
    const fitting = releases.filter(({ version }) => fits(version)).map(toolRelease)
    const release = await tools.findFromManifest('*', true, fitting, arch())
    const file = release?.files[0] as ReleaseFile | undefined
    if (release === undefined || file === undefined) return undefined
    // By its content: what another manifest calls this version may be another program.
    const tool = `buildah-${file.sha256.toLowerCase().slice(0, 16)}`
    const kept = tools.find(tool, release.version)
    if (kept !== '') return { path: `${kept}/bin/buildah` }
    const archive = await fetchArchive(file, { ...manifest, base }, temporary)
    if ('missing' in archive) return archive
    const unpacked = await tools.extractTar(archive.path, join(temporary, 'files'))
    return { path: `${await tools.cacheDir(unpacked, tool, release.version)}/bin/buildah` }
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/** Downloads an archive and checks it. @returns its path; of the action's own, why it can't be had */
async function fetchArchive(
  { download_url, sha256 }: ReleaseFile,
  { kind, base }: Required<Manifest>,
  temporary: string,
): Promise<{ path: string } | { missing: string }> {
  const path = join(temporary, 'archive')
  const address = URL.canParse(download_url, base) ? new URL(download_url, base).href : download_url
  const begun = Date.now()
  let got: Download
  try {
    // What came over the network names no file of this machine.
    if (address.startsWith('file:') && !base.startsWith('file:')) throw new Error('It is not an HTTP URL.')
    got = await fetchFile(address, path)
  } catch (error) {
    if (kind === 'own') return { missing: notReleased(address, error) }
    throw new UserError(
      `Input "buildah-manifest": ${address} could not be fetched.`,
      'Check its "download_url" in the manifest.',
      { cause: error },
    )
  }
  if (got.sha256 !== sha256.toLowerCase()) throw changed(address, got.sha256, sha256, kind)
  info(`Fetched ${address}: ${formatBytes(got.bytes)} in ${((Date.now() - begun) / 1000).toFixed(1)} s`)
  return { path }
}

function notReleased(address: string, error: unknown): string {
  // A private repository shows its releases to the API alone, and to no token of another repository's job.
  if (error instanceof DownloadError && error.status === 404)
    return `${address} doesn't exist, or is in a private repository, whose releases can't be fetched`
  return `${address} can't be fetched: ${describeInLine(error).replace(/\.$/, '')}`
}

function changed(address: string, got: string, wanted: string, kind: Manifest['kind']): UserError {
  return new UserError(
    `Input "buildah-manifest": ${address} has the SHA-256 ${got}, but the manifest says ${wanted}. It is not used.`,
    kind === 'given'
      ? 'Correct the manifest, or find out who changed the archive.'
      : 'Someone who can write to the releases of this action has changed the archive: tell its maintainers. Until then, use `engine: docker` or your own "buildah-manifest".',
  )
}

async function fetchFile(address: string, path: string): Promise<Download> {
  if (!address.startsWith('file:')) return await download(address, path)
  await copyFile(fileURLToPath(address), path)
  const content = await readFile(path)
  return { bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') }
}

async function readManifest(
  { source, base }: Manifest,
  context: Context,
  temporary: string,
): Promise<{ releases: Release[]; base: string }> {
  const refuse = (why: string, cause?: unknown) =>
    new UserError(
      `Input "buildah-manifest": ${source} ${why}.`,
      'It is a JSON list: [{"version": "1.43.2", "stable": true, "files": [{"filename": "…", "arch": "x64", "platform": "linux", "download_url": "https://…", "sha256": "…"}]}].',
      cause === undefined ? {} : { cause },
    )
  const address = /^https?:/.test(source) ? source : pathToFileURL(resolve(context.workspace, source)).href
  let text: string
  try {
    const path = join(temporary, 'manifest')
    await fetchFile(address, path)
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw refuse('could not be read', error)
  }
  try {
    const value: unknown = JSON.parse(text)
    if (Array.isArray(value) && value.every((entry) => isRelease(entry)))
      return { releases: value, base: base ?? address }
  } catch (error) {
    throw refuse('is not JSON', error)
  }
  throw refuse('is not in the format of a versions manifest with the SHA-256 of each file')
}

function isRelease(value: unknown): value is Release {
  const { version, stable, files } = (value ?? {}) as Partial<Release>
  return (
    typeof version === 'string' &&
    typeof stable === 'boolean' &&
    Array.isArray(files) &&
    files.every((file: Partial<Release['files'][number]>) => {
      const texts = [file.arch, file.platform, file.download_url]
      return texts.every((text) => typeof text === 'string') && /^[0-9a-f]{64}$/i.test(file.sha256 ?? '')
    })
  )
}

function toolRelease(release: Release): Release & { release_url: string; files: Release['files'][number][] } {
  return { ...release, release_url: '', files: [...release.files] }
}
