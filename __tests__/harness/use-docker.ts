import { afterAll, beforeAll } from '@jest/globals'

import { type DockerPlace, dockerReason, startDocker } from './docker-daemon.js'

/**
 * Starts Docker for all tests of a file, where it can be had; it is gone after them.
 * @param reason why every test of the file is skipped: nothing that is done after tests is done then
 * @returns what isn't there where every test of it is skipped
 */
export async function useDocker(reason = dockerReason()): Promise<DockerPlace> {
  if (reason !== undefined) return absent
  const docker = await startDocker()
  beforeAll(() => docker.startBuildkit())
  afterAll(() => docker.stop())
  return docker
}

const refuse = (): never => {
  throw new Error('Docker is not here')
}
const absent: DockerPlace = {
  host: 'unix:///var/empty/docker.sock',
  environment: () => ({}),
  plugin: '/var/empty/docker-buildx',
  run: refuse,
  load: refuse,
  startBuildkit: refuse,
  renew: refuse,
  stop: refuse,
}
