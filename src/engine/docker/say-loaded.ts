import { info } from '../../log.js'
import { formatReference } from '../../metadata/reference.js'
import type { Image } from '../engine.js'
import { runDocker } from './client.js'
import { INSPECT_ID } from './load.js'
import type { DockerClient } from './setup.js'

/** Logs where an image is that Docker has built. */
export async function sayLoaded({ id, references: [first] }: Image, client: DockerClient): Promise<void> {
  const name = first === undefined ? id : formatReference(first)
  const { stdout } = await runDocker(client, [...INSPECT_ID, name])
  info(`Load: the image is in Docker's storage as ${stdout.trim()}`)
}
