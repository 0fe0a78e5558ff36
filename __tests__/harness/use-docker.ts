import { afterAll } from '@jest/globals'

import { type DockerPlace, dockerReason, type DockerWay, startDocker } from './docker-daemon.js'

/**
 * Starts Docker for all tests of a file, where it can be had; it is gone after them.
 * @returns what isn't there where every test of it is skipped
 */
export async function useDocker(way: DockerWay = 'classic'): Promise<DockerPlace> {
  if (dockerReason(way) !== undefined) return absent
  const docker = await startDocker()
  afterAll(() => docker.stop())
  return docker
}

const refuse = (): never => {
  throw new Error('Docker is not here')
}
const absent: DockerPlace = {
  host: 'unix:///var/empty/docker.sock',
  environment: () => ({}),
  run: refuse,
  load: refuse,
  renew: refuse,
  stop: refuse,
}
