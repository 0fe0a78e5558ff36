import type { Engine, Image } from '../../engine/engine.js'
import { UserError } from '../../errors.js'
import { formatCount } from '../../lib/format.js'
import { endProcessTree, followMarked } from '../../lib/process-tree.js'
import { formatLimit } from '../../lib/time-limit.js'
import { result } from '../../log.js'
import type { Inputs } from '../../runner/inputs.js'

const KILL_GRACE_MS = 2000

/**
 * Runs the commands of the input `test` in containers of the image that was built.
 * @throws UserError for the first that fails, or when all of them together take too long
 */
export async function testImage(engine: Pick<Engine, 'test'>, image: Image, inputs: Inputs): Promise<void> {
  const { tests, testTimeoutMs } = inputs
  const processTree = followMarked()
  let ended: Promise<void> | undefined
  const timer = setTimeout(() => {
    ended = endProcessTree(processTree, KILL_GRACE_MS)
  }, testTimeoutMs)
  try {
    await engine.test(image, inputs, processTree.mark)
    result(`Test: ${formatCount(tests.length, 'command')} passed`)
  } catch (error) {
    if (ended === undefined) throw error
    throw new UserError(
      `Input "test": the commands took longer than ${formatLimit(testTimeoutMs)}, the limit of \`test-timeout\`; nothing was pushed.`,
      "Write a command that ends by itself, or a higher `test-timeout`: a server that is tested runs in the background, `sh -c 'server & sleep 1; client'`.",
      { cause: error },
    )
  } finally {
    clearTimeout(timer)
    await ended
    processTree.close()
  }
}
