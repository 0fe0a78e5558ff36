import { UserError } from '../errors.js'
import { CommandError } from '../exec.js'
import type { TestCommand } from '../runner/test-inputs.js'

/** What Buildah, runc, crun, chroot isolation and Docker say of a program that the image doesn't have. */
const NO_PROGRAM = /executable file .*not found|no such file or directory/i
const OTHER_PROCESSOR = /exec format error/i

/** The error of a command of the input `test` that didn't succeed, with the end of what it printed. Pure. */
export function failedTest({ text }: TestCommand, error: unknown): unknown {
  if (!(error instanceof CommandError)) return error
  return new UserError(`Input "test": \`${text}\` failed; nothing was pushed.`, hintOf(error.output), { cause: error })
}

function hintOf(output: string): string {
  if (OTHER_PROCESSOR.test(output))
    return 'The image is for another processor than this machine has, and no emulator is set up here. Test it on a runner of that platform, or add docker/setup-qemu-action before this step.'
  if (NO_PROGRAM.test(output))
    return "Write a program that the image has. Each line runs as it is, without a shell and without the ENTRYPOINT of the image; for a shell, write `sh -c '…'`."
  return 'Fix the image or the test, and run the job again: the steps that were built are in the cache.'
}
