import { formatCommand } from '../../exec.js'
import { printLive } from '../../log.js'
import type { Inputs } from '../../runner/inputs.js'
import type { TestCommand } from '../../runner/test-inputs.js'
import { failedTest } from '../failed-test.js'
import { runDocker } from './client.js'
import { type DockerSetup, privateName } from './setup.js'

/**
 * Runs each command in a new container of an image that the daemon has.
 * @param image its id or name
 * @throws UserError for the first that fails
 */
export async function testInContainers(image: string, inputs: Inputs, setup: DockerSetup): Promise<void> {
  const container = privateName('test', setup).replaceAll(/[/:]/g, '-')
  for (const test of inputs.tests) {
    const args = runArgs(test, inputs, { image, container })
    try {
      await printLive('Test', formatCommand([setup.docker.path, ...args]), (onOutput) =>
        runDocker(setup, args, { onOutput, input: '' }),
      )
    } catch (error) {
      throw failedTest(test, error)
    } finally {
      // It goes on where the client has ended.
      await runDocker(setup, ['rm', '--force', '--volumes', container]).catch(() => undefined)
    }
  }
}

/** The arguments that run a command as a RUN step runs: without the image's own ENTRYPOINT. Pure. */
export function runArgs(
  { words: [program = '', ...rest] }: TestCommand,
  { network, addHosts, shmSize, ulimit }: Inputs,
  { image, container }: { readonly image: string; readonly container: string },
): string[] {
  return [
    ...['run', '--name', container, '--pull', 'never'],
    ...(network === 'default' ? [] : ['--network', network]),
    ...addHosts.flatMap((host) => ['--add-host', host]),
    ...(shmSize === undefined ? [] : ['--shm-size', shmSize]),
    ...ulimit.flatMap((limit) => ['--ulimit', limit]),
    ...['--entrypoint', program, image, ...rest],
  ]
}
