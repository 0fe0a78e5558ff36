import { describe, expect, it } from '@jest/globals'
import { unknownImage } from '../../src/engine/pulls.js'

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
