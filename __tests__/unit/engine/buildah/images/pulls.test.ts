import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as othersTurn } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import { pullImages } from '../../../../../src/engine/buildah/images/pulls.js'
import { unknownImage } from '../../../../../src/engine/buildah/build/late-pulls.js'
import { fakeClock } from '../../../fake-clock.js'
import { setupOf } from '../script-as-buildah.js'

describe('pullImages', () => {
  it('ends what still pulls when the time is over', async () => {
    const setup = setupOf('#!/bin/sh\necho $$ >started && mv started pid\nexec sleep 600\n')
    const pid = join(setup.folder.path, 'pid')
    const clock = fakeClock()
    const pulling = pullImages([{ name: 'example.org/slow', platform: undefined }], false, setup, clock)
    const ended = expect(pulling).rejects.toThrow('Base images were not pulled within the limit of 60m.')
    while (!existsSync(pid)) await othersTurn()
    clock.pass(60 * 60_000)
    await ended
    while (existsSync(`/proc/${readFileSync(pid, 'utf8').trim()}/exe`)) await othersTurn()
  })
})

describe('unknownImage', () => {
  it.each([
    ['STEP 1/2: FROM busybox:1\nError: creating build container: busybox:1: image not known\n', 'busybox:1'],
    ['Error: COPY --from=host:5/some/img:2: no stage or image found with that name\n', 'host:5/some/img:2'],
    [
      'Error: building at STEP "RUN --mount=type=bind,from=acme/some,target=/x true": type=bind,from=acme/some,target=/x from=acme/some: no stage or image found with that name\n',
      'acme/some',
    ],
    ['Error: type=bind,from=acme/some,target=/x from=acme/some: no stage or image found with that name\n', 'acme/some'],
    ['Error: building at STEP "RUN make": while running runtime: exit status 2\n', undefined],
    // What a step prints stands before the last error.
    [
      'Error: creating build container: evil: image not known\nError: building at STEP "RUN x": exit status 1\n',
      undefined,
    ],
  ])('%j', (output, expected) => {
    expect(unknownImage(output)).toBe(expected)
  })
})
