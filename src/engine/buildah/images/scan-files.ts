import { lstat, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { UserError } from '../../../errors.js'
import { type Env, execute, findProgram } from '../../../exec.js'
import { formatBytes } from '../../../lib/format.js'
import { quote } from '../../../lib/quote.js'
import type { ScanFile } from '../../engine.js'

/** What BuildKit's protocol asks a generator for. */
const SPDX = /^[\w.-]+\.spdx\.json$/

/**
 * Reads what a generator wrote.
 * @param archive where nobody else can reach it
 * @throws UserError for a file that is too large
 */
export async function readScanFiles(archive: string, limit: number, env: Env): Promise<ScanFile[]> {
  const tar = await findProgram('tar', env)
  if (tar === undefined)
    throw new UserError('Input "sbom": the program tar, which it needs, is not on PATH.', 'sudo apt-get install tar')
  const folder = join(dirname(archive), 'scan')
  await mkdir(folder, { mode: 0o700 })
  try {
    const options = ['--no-same-owner', '--no-same-permissions']
    await execute([tar, '--extract', '--file', archive, '--directory', folder, ...options], { env })
    const files: ScanFile[] = []
    for (const name of (await readdir(folder)).filter((one) => SPDX.test(one)).sort()) {
      const status = await lstat(join(folder, name))
      // A link could lead anywhere.
      if (!status.isFile()) continue
      if (status.size > limit) throw tooLarge(name, status.size, limit)
      files.push({ name, text: await readFile(join(folder, name), 'utf8') })
    }
    return files
  } finally {
    await rm(folder, { recursive: true, force: true })
    await rm(archive, { force: true })
  }
}

function tooLarge(name: string, size: number, limit: number): UserError {
  return new UserError(
    `Input "sbom": ${quote(name)}, which the generator wrote, has ${formatBytes(size)}, and ${formatBytes(limit)} is the limit. Nothing was pushed.`,
    'Make the generator write less with its own parameters: `sbom: generator=…,KEY=value`.',
  )
}
