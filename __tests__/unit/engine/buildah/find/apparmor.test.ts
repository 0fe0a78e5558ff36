import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { type AppArmor, launcherOf, profileFor, profileText } from '../../../../../src/engine/buildah/find/apparmor.js'
import { temporaryFolder } from '../../../helpers.js'

const kept = '/opt/hostedtoolcache/buildah-0123456789abcdef/1.45.0/x64/bin/buildah'
const system = '/usr/bin/buildah'

/** As AppArmor 4 of Ubuntu 24.04 has it. */
const ofUbuntu = [
  '# This profile allows everything and only exists to give the',
  '# application a name instead of having the label "unconfined"',
  '',
  'abi <abi/4.0>,',
  'include <tunables/global>',
  '',
  'profile buildah /usr/bin/buildah flags=(unconfined) {',
  '  userns,',
  '',
  '  # Site-specific additions and overrides. See local/README for details.',
  '  include if exists <local/buildah>',
  '}',
].join('\n')
const pasted = profileText(kept).join('\n')
const others = [
  'profile unprivileged_userns {\n  audit deny capability,\n}',
  'profile podman /usr/bin/podman {\n  userns,\n}',
]

const machine = (changes: Partial<AppArmor> = {}): AppArmor => ({
  ...{ restricts: true, inContainer: false, profiles: [...others, ofUbuntu], hasProfiled: true },
  ...changes,
})

describe('launcherOf', () => {
  it.each<[machine: string, program: string, launcher: string, AppArmor]>([
    ['ubuntu-22.04', kept, kept, machine({ restricts: false, profiles: [] })],
    ['ubuntu-24.04, its own', system, system, machine()],
    ['ubuntu-24.04, ours', kept, system, machine()],
    ['ubuntu-26.04, its own', system, system, machine()],
    ['ubuntu-26.04, ours', kept, system, machine()],
    ['ubuntu-slim, a container of such a host without Buildah', kept, kept, machine(container(false))],
    ['a job container with Buildah on such a host', kept, system, machine(container(true))],
    ['a job container with Buildah on another host', kept, kept, machine({ ...container(true), restricts: false })],
    ['self-hosted, with the profile of the error', kept, kept, machine({ profiles: [ofUbuntu, pasted] })],
    ['self-hosted, without Buildah', kept, kept, machine({ hasProfiled: false })],
    ['self-hosted, without the profile of Buildah', kept, kept, machine({ profiles: others })],
    ['one of /usr/local/bin', '/usr/local/bin/buildah', system, machine()],
    ['Debian, without AppArmor', kept, kept, machine({ restricts: false, profiles: [], hasProfiled: false })],
  ])('%s', (_, program, launcher, appArmor) => {
    expect(launcherOf(program, appArmor)).toBe(launcher)
  })

  it.each([
    ['another place', 'profile x /opt/other/**/buildah flags=(unconfined) {\n  userns,\n}', system],
    ['folders', 'profile x /opt/*/*/*/*/*/buildah flags=(unconfined) {\n  userns,\n}', kept],
    ['too few folders', 'profile x /opt/*/buildah flags=(unconfined) {\n  userns,\n}', system],
    ['any depth', '/opt/hostedtoolcache/**/buildah flags=(unconfined) {\n  userns,\n}', kept],
    ['a choice', 'profile x /{opt,srv}/hostedtoolcache/** {\n  allow userns create,\n}', kept],
    ['a point that is no pattern', 'profile x /opt/hostedtoolcache/**/1x45x0/** {\n  userns,\n}', system],
    [
      'no userns',
      'profile x /opt/hostedtoolcache/**/buildah {\n  capability,\n}\nprofile y /y {\n  userns,\n}',
      system,
    ],
    ['only a comment', '#profile x /opt/hostedtoolcache/**/buildah {\n#  userns,\n#}', system],
  ])('a profile of its own: %s', (_, text, launcher) => {
    expect(launcherOf(kept, machine({ profiles: [ofUbuntu, text] }))).toBe(launcher)
  })
})

describe('profileFor', () => {
  it('gives every archive in the tool cache its profile', () => {
    const lines = profileFor(kept).split('\n')
    expect(lines[0]).toBe("sudo tee /etc/apparmor.d/rootless-image-build <<'END'")
    expect(lines).toContain(
      'profile rootless-image-build "/opt/hostedtoolcache/buildah-*/*/*/bin/buildah" flags=(unconfined) {',
    )
    expect(lines.at(-1)).toBe('sudo apparmor_parser --replace /etc/apparmor.d/rootless-image-build')
  })

  // The language has `userns` since AppArmor 4.
  const version = /version (\d+)/.exec(String(spawnSync('apparmor_parser', ['--version']).stdout))?.[1]
  const parsing = Number(version ?? 0) >= 4 ? it : it.skip
  parsing.each(['/usr/local/bin/buildah', '/home/a b/tools/buildah', kept])('AppArmor reads that of %s', (program) => {
    const file = join(temporaryFolder(), 'profile')
    writeFileSync(file, `${profileText(program).join('\n')}\n`)
    const { status, stderr } = spawnSync('apparmor_parser', ['--skip-kernel-load', '--skip-cache', file])
    expect({ status, said: status === 0 ? '' : stderr.toString() }).toStrictEqual({ status: 0, said: '' })
  })
})

function container(hasProfiled: boolean): Partial<AppArmor> {
  return { inContainer: true, profiles: [], hasProfiled }
}
