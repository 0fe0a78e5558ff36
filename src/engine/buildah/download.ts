import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { arch } from 'node:os'
import { join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Context } from '../../runner/context.js'
import { UserError } from '../../errors.js'

/** One version in a manifest of the shape of actions/versions-manifest, each file with its SHA-256. */
interface Release {
  readonly version: string
  readonly stable: boolean
  readonly files: readonly ReleaseFile[]
}

interface ReleaseFile {
  readonly arch: string
  readonly platform: string
  readonly download_url: string
  readonly filename: string
  readonly sha256: string
}

/**
 * Gets the newest fitting Buildah that a manifest lists for this machine, from the tool cache or by a download that is
 * checked before it is unpacked. The archive is a tar.gz with `bin/buildah` in it.
 * @param source path, relative to the workspace, or URL of the manifest
 * @returns the path of the program; undefined when the manifest has none that fits
 * @throws UserError when the manifest or the archive isn't what it should be
 */
export async function fetchBuildah(
  source: string,
  fits: (version: string) => boolean,
  context: Context,
): Promise<string | undefined> {
  const tools = await import('@actions/tool-cache')
  if (context.toolCache === undefined) {
    throw new UserError(
      'Input "buildah-manifest" needs a tool cache, and RUNNER_TOOL_CACHE is not set.',
      'Set it to a folder that the user who runs the step may write.',
    )
  }
  // Everything that is fetched goes here and is gone in the end, however it ends.
  const temporary = await mkdtemp(join(context.temp, 'rootless-image-build-archive-'))
  try {
    const releases = await readManifest(tools, source, context, temporary)
    const fitting = releases.filter(({ version }) => fits(version)).map(toolRelease)
    const release = await tools.findFromManifest('*', true, fitting, arch())
    const file = release?.files[0] as ReleaseFile | undefined
    if (release === undefined || file === undefined) return undefined
    const folder = tools.find('buildah', release.version) || (await download(tools, file, release.version, temporary))
    return `${folder}/bin/buildah`
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

type ToolCache = typeof import('@actions/tool-cache')

async function download(tools: ToolCache, file: ReleaseFile, version: string, temporary: string): Promise<string> {
  const archive = await tools.downloadTool(file.download_url, join(temporary, 'archive')).catch((error: unknown) => {
    throw new UserError(
      `Input "buildah-manifest": ${file.download_url} could not be fetched.`,
      'Check its "download_url" in the manifest.',
      { cause: error },
    )
  })
  const got = await sha256(archive)
  if (got !== file.sha256.toLowerCase()) {
    throw new UserError(
      `Input "buildah-manifest": ${file.download_url} has the SHA-256 ${got}, and the manifest says ${file.sha256}. It is not used.`,
      'Correct the manifest, or find out who changed the archive.',
    )
  }
  return await tools.cacheDir(await tools.extractTar(archive, join(temporary, 'files')), 'buildah', version)
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

async function readManifest(tools: ToolCache, source: string, context: Context, temporary: string): Promise<Release[]> {
  const refuse = (why: string, cause?: unknown) =>
    new UserError(
      `Input "buildah-manifest": ${source} ${why}.`,
      'It is a JSON list: [{"version": "1.43.2", "stable": true, "files": [{"filename": "…", "arch": "x64", "platform": "linux", "download_url": "https://…", "sha256": "…"}]}].',
      cause === undefined ? {} : { cause },
    )
  let text: string
  try {
    const path = /^https?:/.test(source)
      ? await tools.downloadTool(source, join(temporary, 'manifest'))
      : resolve(context.workspace, source)
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw refuse('could not be read', error)
  }
  try {
    const value: unknown = JSON.parse(text)
    if (Array.isArray(value) && value.every((entry) => isRelease(entry))) return value
  } catch (error) {
    throw refuse('is not JSON', error)
  }
  throw refuse('is not in the form of a versions manifest with the SHA-256 of each file')
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
