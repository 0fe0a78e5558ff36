import { describe, expect, it } from '@jest/globals'
import { extraArguments } from '../../../src/runner/extra-arguments.js'
import { reader, refusal } from '../helpers.js'

const take = (text: string) => extraArguments(reader({ 'extra-args': text }))

describe('extra-args', () => {
  it.each([
    ['', []],
    ['--squash', ['--squash']],
    // One argument in a line is taken as it is.
    ['--env=A=b c, "d"', ['--env=A=b c, "d"']],
    [`--label=a=it's`, [`--label=a=it's`]],
    ['--label=a={"b": 1}', ['--label=a={"b": 1}']],
    ['--label\na=b c "d"', ['--label', 'a=b c "d"']],
    ['--cap-add=NET_ADMIN\n--squash\n', ['--cap-add=NET_ADMIN', '--squash']],
    // Several are split.
    ['--no-cache --rm --ulimit nofile=4096:4096', ['--no-cache', '--rm', '--ulimit', 'nofile=4096:4096']],
    ['--ulimit nofile=4096:4096', ['--ulimit', 'nofile=4096:4096']],
    ['--squash  --rm\n--label=a=b c', ['--squash', '--rm', '--label=a=b c']],
    ['-v /a:/b -f x', ['-v', '/a:/b', '-f', 'x']],
    ['--label "a=b c" --rm', ['--label', 'a=b c', '--rm']],
    [`--label 'a=b "c" $d' --rm`, ['--label', 'a=b "c" $d', '--rm']],
    ['--label="a=b --c" --rm', ['--label=a=b --c', '--rm']],
    ['--label "a=\\"b\\" \\$c \\d"', ['--label', 'a="b" $c \\d']],
    ['--label a=b\\ c --rm', ['--label', 'a=b c', '--rm']],
    [`--label a='b'"c"d --rm`, ['--label', 'a=bcd', '--rm']],
    [`--label '' --rm`, ['--label', '', '--rm']],
    ['--label a=$(id)`id`*~ --rm', ['--label', 'a=$(id)`id`*~', '--rm']],
  ])('%j', (text, expected) => {
    expect(take(text)).toStrictEqual(expected)
  })

  // Buildah would build the folder of that name.
  it.each([
    ['context', 'context'],
    ['--label a=b c', 'c'],
    ['--label=a=b\nc', 'c'],
    ['--squash --label=a=b c', 'c'],
  ])('%j is refused for %j', (text, word) => {
    expect(refusal(() => take(text)).message).toMatch(`Input "extra-args": got "${word}". There is no flag`)
  })

  it.each([
    ['--platform=linux/arm64', 'platforms: linux/arm64'],
    ['--jobs 2', 'jobs: 2'],
    ['--jobs=2', 'jobs: 2'],
  ])('%j has an input of its own', (text, instead) => {
    const { message, hint } = refusal(() => take(text))
    expect([message, hint]).toStrictEqual([
      expect.stringContaining('an input of its own'),
      expect.stringContaining(instead),
    ])
  })

  it.each([`--label a=it's --rm`, '--label "a=b --rm', '--rm --label a=b\\'])('%j has a quote that is open', (text) => {
    expect(refusal(() => take(text)).message).toContain("a quote isn't closed")
  })
})
