import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../../../src/dockerfile/dockerfile.js'
import {
  checkLogins,
  checkSecrets,
  knownHole,
  refuseCacheMountsOutside,
} from '../../../../../src/engine/buildah/sandbox/leaks.js'
import { describe as describeError, UserError } from '../../../../../src/errors.js'
import { gatherWarnings } from '../../../../../src/log.js'
import { inputsOf, logOf, refusal } from '../../../helpers.js'

const RUN = parseDockerfile('FROM a\nRUN true\n')
const BIND = parseDockerfile('FROM a AS one\nFROM a\nRUN --mount=from=one,source=/link,target=/x true\n')

describe('knownHole', () => {
  it.each([
    ['1.28.2', 'chroot', RUN, /chroot isolation of Buildah below 1\.39\.0/],
    ['1.38.1', 'chroot', RUN, /chroot isolation/],
    ['1.39.0', 'chroot', RUN, undefined],
    ['1.28.2', 'rootless', RUN, undefined],
    ['1.28.2', 'rootless', BIND, /bind mounts of another stage \(line 3\)/],
    ['1.35.1', 'rootless', BIND, undefined],
    ['1.28.2', 'chroot', parseDockerfile('FROM a\nCOPY b /b\n'), undefined],
  ])('Buildah %s with %s', (version, isolation, dockerfile, expected) => {
    const hole = knownHole(dockerfile, { version, isolation })
    if (expected === undefined) expect(hole).toBeUndefined()
    else expect(hole).toMatch(expected)
  })
})

describe('refuseCacheMountsOutside', () => {
  const withMount = (mount: string) => parseDockerfile(`FROM a\nRUN --mount=${mount} true\n`)

  it.each([
    'type=cache,id=../../..,target=/x',
    'type=cache,target=/x,id=a/../../b',
    'type=cache,id=$ID,target=/x',
    'type=cache,id=${ID},target=/x',
    'type=cache,target=/../../x',
    'type=$TYPE,id=..,target=/x',
    'id=..,target=/x,type=cache',
  ])('refuses %s', (mount) => {
    expect(() => {
      refuseCacheMountsOutside(withMount(mount), '1.33.7')
    }).toThrow(/Dockerfile line 2: .*CVE-2024-9675/)
  })

  it('refuses it behind ONBUILD', () => {
    const dockerfile = parseDockerfile('FROM a\nONBUILD RUN --mount=type=cache,id=..,target=/x true\n')
    expect(() => {
      refuseCacheMountsOutside(dockerfile, '1.33.7')
    }).toThrow(UserError)
  })

  it.each([
    ['1.33.7', 'type=cache,target=/root/.cache'],
    ['1.33.7', 'type=cache,id=go..mod,target=/x'],
    ['1.33.7', 'type=bind,source=../a,target=/x'],
    ['1.38.0', 'type=cache,id=../../..,target=/x'],
  ])('takes, with Buildah %s, %s', (version, mount) => {
    expect(() => {
      refuseCacheMountsOutside(withMount(mount), version)
    }).not.toThrow()
  })
})

describe('checkSecrets', () => {
  const hole = 'RUN steps can leave it'
  const warningsOf = async (values: Record<string, string>, found: string | undefined) => {
    const warnings = new Set<string>()
    await gatherWarnings(warnings, () => {
      checkSecrets(inputsOf(values), found)
      return Promise.resolve()
    })
    return [...warnings]
  }

  it('warns once of what any step can read', async () => {
    expect(await warningsOf({ secrets: 'key=value', ssh: 'default' }, hole)).toStrictEqual([
      expect.stringMatching(/^Any step of this build can read its secrets and SSH keys: RUN steps can leave it\./),
    ])
  })

  it('is silent where there is no secret or no hole', async () => {
    expect(await warningsOf({}, hole)).toStrictEqual([])
    expect(await warningsOf({ secrets: 'key=value' }, undefined)).toStrictEqual([])
  })

  it('refuses where a sandbox is required', async () => {
    await expect(warningsOf({ secrets: 'key=value', sandbox: 'require' }, hole)).rejects.toThrow(
      /Input "sandbox": got "require"/,
    )
  })
})

describe('checkLogins', () => {
  const images = [{ name: 'a:1' }, { name: 'b:1' }, { name: 'b:1' }]

  it('says that the build can read them where it pulls one image for two platforms', async () => {
    const log = await logOf(() => {
      checkLogins({ sandbox: 'auto' }, images)
    })
    expect(log).toBe('Sandbox: the build can read the logins, because it needs one image for two platforms\n')
  })

  it('refuses that where a sandbox is required, with a way out', () => {
    const error = refusal(() => {
      checkLogins({ sandbox: 'require' }, images)
    })
    expect(describeError(error)).toBe(
      'Input "sandbox": got "require", and the logins of this step can\'t be hidden from this build: it needs "b:1" for two platforms, and so has to pull it by itself.\n' +
        'In one of its FROM lines, name the image of the platform by its digest: `FROM --platform=linux/arm64 image@sha256:…`. Or write `sandbox: auto`.',
    )
  })
})
