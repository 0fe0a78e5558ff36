import { existsSync } from 'node:fs'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, UserError } from '../../errors.js'
import { execute, findProgram } from '../../exec.js'
import { warn } from '../../log.js'
import { digestIn, runDocker } from './client.js'
import { type DockerSetup, privateName } from './setup.js'

/** Loads the last run's image, under a name of its own. @returns the name; undefined where there is none */
export async function loadSaved(setup: DockerSetup): Promise<string | undefined> {
  const { root, folder } = setup
  if (!existsSync(join(root, 'manifest.json'))) return undefined
  const archive = join(folder.path, 'out/steps.tar')
  try {
    await execute([await tarProgram(setup), '--create', '--file', archive, '--directory', root, '.'], setup)
    const { stdout } = await runDocker(setup, ['load', '--quiet', '--input', archive])
    const id = digestIn(/^Loaded image(?: ID)?: (sha256:\S+)$/m.exec(stdout)?.[1], 'its output')
    const name = privateName('steps', setup)
    await runDocker(setup, ['tag', id, name])
    return name
  } catch (error) {
    warn(`Cache: the last image could not be loaded; rebuilding without the cache. ${describe(error)}`)
    return undefined
  } finally {
    await rm(archive, { force: true })
  }
}

/** Puts the image into the folder that is kept, file by file. */
export async function saveImage(image: string, setup: DockerSetup): Promise<void> {
  const { root, folder } = setup
  // It names the image's configuration, in whatever form this version of Docker writes.
  const manifest = await readFile(join(root, 'manifest.json'), 'utf8').catch(() => '')
  if (manifest.includes(image.slice('sha256:'.length))) return
  const archive = join(folder.path, 'out/steps.tar')
  try {
    await runDocker(setup, ['save', '--output', archive, image])
    await rm(root, { recursive: true, force: true })
    await mkdir(root, { mode: 0o700 })
    await execute([await tarProgram(setup), '--extract', '--file', archive, '--directory', root], setup)
  } finally {
    await rm(archive, { force: true })
  }
}

async function tarProgram({ env }: DockerSetup): Promise<string> {
  const tar = await findProgram('tar', env)
  if (tar === undefined) throw new UserError('The program tar is missing.', 'sudo apt-get install tar')
  return tar
}
