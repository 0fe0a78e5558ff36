import { describe, expect, it } from '@jest/globals'
import { isUnexplained } from '../../../src/engine/unexplained-failures.js'
import { UserError } from '../../../src/errors.js'
import { CommandError } from '../../../src/exec.js'

const failed = (output: string, exitCode = 125) =>
  new UserError('The build failed.', undefined, { cause: new CommandError(['buildah', 'build'], exitCode, output) })

describe('what may be the fault of layers that came back', () => {
  it.each([
    'Error: committing container for step {Command:copy}: copying layers and metadata for container "8c16": writing blob: storing blob to file "/x/1": happened during read: Digest did not match, expected sha256:8cfd, got sha256:62e1',
    'Error: building at STEP "COPY big /srv/big": mounting new container: mounting build container "a": creating overlay mount to /root/overlay/a/merged: invalid argument',
    'Error: creating build container: layer not known',
    'Error: reading image "ab": locating item named "manifest" for image with ID "ab": file does not exist in storage: layer not known',
  ])('%s', (output) => {
    expect(isUnexplained(failed(`STEP 1/3: FROM x\n${output}\n`))).toBe(true)
  })

  it('a push of layers that aren’t what the storage says of them', () => {
    const text =
      'Not pushed: a.example/x:1. Nothing was pushed.\nPush failed.\nCaused by: Error: writing blob: Digest did not match, expected sha256:1, got sha256:2'
    expect(isUnexplained(new UserError(text))).toBe(true)
  })
})

describe('what isn’t', () => {
  it.each([
    ['a RUN that failed', 'Error: building at STEP "RUN make": while running runtime: exit status 2'],
    ['a RUN that failed, of what it wrote', 'Error: building at STEP "RUN echo digest did not match": exit status 2'],
    [
      'a missing source',
      'Error: building at STEP "COPY x /": checking on sources under "/c": copier: stat: "/x": no such file or directory',
    ],
    [
      'what an ignore file leaves out',
      'Error: building at STEP "COPY x /": no items matching glob "/c/x" copied (1 filtered out using /c/.dockerignore): no such file or directory',
    ],
    ['a mistake', 'Error: dockerfile parse error on line 3: unknown instruction: RUM'],
    ['an unknown flag', 'Error: unknown flag: --nonsense'],
    [
      'a registry’s refusal',
      'Error: creating build container: initializing source docker://r/x:1: reading manifest 1 in r/x: unauthorized: access denied',
    ],
    [
      'a registry out of reach',
      'Error: creating build container: pinging container registry r: Get "https://r/v2/": dial tcp 127.0.0.1:9: connect: connection refused',
    ],
    ['a full disk', 'Error: committing container: write /x: no space left on device'],
    ['a stage that isn’t there', 'Error: FROM nowhere: no such image'],
  ])('%s', (_, output) => {
    expect(isUnexplained(failed(`STEP 1/3: FROM x\n${output}\n`))).toBe(false)
  })

  it('a build that somebody has ended', () => {
    for (const exitCode of [-1, 137, 143]) expect(isUnexplained(failed('Error: layer not known', exitCode))).toBe(false)
  })

  it('a test that an image doesn’t pass, whatever it prints', () => {
    const cause = new CommandError(['buildah', 'run'], 3, 'Error: layer not known\n')
    expect(isUnexplained(new UserError('Input "test": `web` failed.', undefined, { cause }))).toBe(false)
  })

  it('a push that a registry refuses', () => {
    expect(isUnexplained(new UserError('Not pushed: a.example/x:1. Nothing was pushed.\nCaused by: denied'))).toBe(
      false,
    )
  })
})
