import { describe, expect, it } from '@jest/globals'
import { failedTest } from '../../../src/engine/failed-test.js'
import { describe as describeError } from '../../../src/errors.js'
import { CommandError } from '../../../src/exec.js'

const test = { text: 'web --check', words: ['web', '--check'] }
const failed = (output: string, exitCode = 3) =>
  failedTest(test, new CommandError(['buildah', 'run', 'name', '--', ...test.words], exitCode, output))

describe('a command of the input `test` that fails', () => {
  it('is told with its line, its exit code and the end of what it printed', () => {
    const text = describeError(failed('checking\nno database\n'))
    expect(text).toContain('Input "test": `web --check` failed; nothing was pushed.')
    expect(text).toContain('ended with exit code 3:\n  checking\n  no database\n')
  })

  it.each([
    ['process failed to start with error: exec: "web": executable file not found in $PATH', 'a program that the image'],
    ['exec container process `/bin/web`: Exec format error', 'docker/setup-qemu-action'],
    ['no database', 'Fix the image or the test'],
  ])('has a hint by what is said: %s', (output, hint) => {
    expect(describeError(failed(output))).toContain(hint)
  })

  it('leaves an error of ours alone', () => {
    const error = new Error('broken')
    expect(failedTest(test, error)).toBe(error)
  })
})
