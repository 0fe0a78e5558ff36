import type { Inputs } from '../../../runner/inputs.js'
import type { TestCommand } from '../../../runner/test-inputs.js'
import type { Image } from '../../engine.js'
import { failedTest } from '../../failed-test.js'
import { containerArgs } from './container-args.js'
import { runBuildah } from '../command.js'
import { runLive } from '../live.js'
import type { BuildahSetup } from '../setup.js'

/** Of the container, in the storage of the build; tests run one after the other. */
const CONTAINER = 'rootless-image-build-test'

/**
 * Runs each command in a new container of the image, in a sandbox of its own, which ends with it.
 * @throws UserError for the first that fails
 */
export async function testInContainers(image: Image, inputs: Inputs, setup: BuildahSetup): Promise<void> {
  for (const test of inputs.tests) await testInContainer(test, image, inputs, setup)
}

async function testInContainer(test: TestCommand, { id }: Image, inputs: Inputs, setup: BuildahSetup): Promise<void> {
  const { from, run, rm } = containerArgs(CONTAINER, setup)
  // One that was killed half way may be there in a storage that is kept.
  await remove(rm, setup)
  await runBuildah(setup, from(id, inputs), {})
  try {
    const sandbox = await setup.sandboxes.forBuild()
    // Without an input of its own it would wait for one that never comes.
    const live = { title: 'Test', args: run(test.words), options: { input: '' }, sandbox }
    await runLive(live, setup).finally(() => sandbox.close())
  } catch (error) {
    throw failedTest(test, error)
  } finally {
    await remove(rm, setup)
  }
}

/** What can't be removed now goes with the storage. */
async function remove(rm: readonly string[], setup: BuildahSetup): Promise<void> {
  await runBuildah(setup, rm, {}).catch(() => undefined)
}
