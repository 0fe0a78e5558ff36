import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../../../src/dockerfile/dockerfile.js'
import { checkSecrets, knownHole, refuseCacheMountsOutside } from '../../../../../src/engine/buildah/sandbox/leaks.js'
import { UserError } from '../../../../../src/errors.js'
import { gatherWarnings } from '../../../../../src/log.js'
import { inputsOf } from '../../../helpers.js'

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
