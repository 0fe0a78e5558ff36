import { describe, expect, it } from '@jest/globals'
import { describe as describeError, UserError } from '../../../../src/errors.js'
import { parsePlatforms, type Platform } from '../../../../src/lib/platform.js'
import { failuresOf } from '../../../../src/pipeline/platforms/platform-failures.js'

const [AMD64, ARM64] = parsePlatforms(['linux/amd64,linux/arm64']) as [Platform, Platform]
const at = (line: number) => ({ place: { file: '/w/Dockerfile', line } })

describe('failuresOf', () => {
  it('names the platform and the line', () => {
    const error = failuresOf(new Map([[ARM64, new UserError('The build failed.', 'Mend it.', at(3))]]))
    expect(error).toMatchObject({
      message: 'linux/arm64: Dockerfile line 3: The build failed.',
      hint: 'Mend it.',
      ...at(3),
    })
  })

  it('tells each of several with its line and what lies behind it, and has the place of the first', () => {
    const failed = (line: number, hint: string) =>
      new UserError('The build failed.', hint, { ...at(line), cause: new Error(`exit status ${line}`) })
    const error = failuresOf(
      new Map([
        [AMD64, failed(3, 'Mend one.')],
        [ARM64, failed(4, 'Mend another.')],
      ]),
    )
    expect(describeError(error).split('\n')).toStrictEqual([
      ...['linux/amd64: Dockerfile line 3: The build failed.', 'Caused by: exit status 3', 'Mend one.'],
      ...['linux/arm64: Dockerfile line 4: The build failed.', 'Caused by: exit status 4', 'Mend another.'],
    ])
    expect(error).toMatchObject(at(3))
  })

  it('names a line once, and none that isn’t known', () => {
    const named = new UserError('Dockerfile line 3: COPY with that.', undefined, at(3))
    expect(failuresOf(new Map([[ARM64, named]])).message).toBe('linux/arm64: Dockerfile line 3: COPY with that.')
    expect(failuresOf(new Map([[ARM64, new UserError('Full.')]])).message).toBe('linux/arm64: Full.')
  })

  it('tells what several have failed by once, and names none of them', () => {
    const same = new UserError('Full.', undefined, at(3))
    const both = new Map([AMD64, ARM64].map((platform) => [platform, same] as const))
    expect(failuresOf(both)).toBe(same)
  })
})
