import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, test } from '@jest/globals'

import { useSteps } from './workflow-steps.js'

const { folder, runStep } = useSteps('.github/workflows/release.yml')

describe('the version', () => {
  const changelog = [
    '# Changelog',
    '## Unreleased',
    '- Later.',
    '## 1.2.3 - 2026-11-24',
    '',
    '- New.',
    '',
    '## 1.2.2',
    '',
  ]
  writeFileSync(join(folder, 'CHANGELOG.md'), changelog.join('\n'))
  writeFileSync(join(folder, 'package.json'), '{"version": "1.2.3"}')
  const check = (tag: string) =>
    runStep('The tag is the version of package.json, and CHANGELOG.md tells about it', { TAG: tag })

  test('gives the notes of its release', () => {
    const { status, written } = check('v1.2.3')
    expect(status).toBe(0)
    expect(written).toMatch(/^notes<<([0-9a-f-]{36})\n\n- New\.\n\1\n$/)
  })

  test('must be that of package.json', () => {
    const { status, log } = check('v1.2.2')
    expect(status).toBe(1)
    expect(log).toContain('The tag is v1.2.2, and the version in package.json is "1.2.3".')
  })

  test('must be in CHANGELOG.md', () => {
    writeFileSync(join(folder, 'package.json'), '{"version": "1.2.2"}')
    const { status, log } = check('v1.2.2')
    expect(status).toBe(1)
    expect(log).toContain('CHANGELOG.md has no section ## 1.2.2, or nothing in it.')
  })
})

describe('a release', () => {
  // A gh that writes down what it is asked, and knows tags.
  const programs = join(folder, 'programs')
  mkdirSync(programs)
  const calls = 'printf "%s " "$@" >&2; echo >&2'
  const tags = `for tag in $TAGS; do [[ $2$3 != *"/matching-refs/tags/"* || $tag != "\${3##*/}"* ]] || echo "$tag"; done`
  writeFileSync(
    join(programs, 'gh'),
    ['#!/usr/bin/env bash', calls, tags, '[[ $2 != */commits/* ]] || echo c0ffee'].join('\n'),
  )
  chmodSync(join(programs, 'gh'), 0o755)

  const release = (tag: string, ...others: string[]) => {
    const PATH = `${programs}:${process.env['PATH'] ?? ''}`
    const env = { PATH, TAG: tag, TAGS: [tag, 'v1', ...others].join(' '), NOTES: 'News.', GH_REPO: 'acme/action' }
    const { status, log } = runStep('Create the release, and move the tag of the major version', env)
    expect(status).toBe(0)
    return log
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => !line.includes('matching-refs') && !line.includes('/commits/') && line !== '')
  }
  const created = (tag: string, option: string) =>
    `release create ${tag} --verify-tag --title ${tag} --notes News. ${option}`
  const moved = (major: string) =>
    `api --method PATCH repos/acme/action/git/refs/tags/${major} -f sha=c0ffee -F force=true`

  test('of the highest version is the latest, and what its major version is', () => {
    expect(release('v1.10.0', 'v1.9.0', 'v1.2.3')).toStrictEqual([created('v1.10.0', '--latest=true'), moved('v1')])
  })

  test('of an older major version is not the latest', () => {
    expect(release('v1.10.0', 'v1.9.0', 'v2.0.0', 'v10.0.0')).toStrictEqual([
      created('v1.10.0', '--latest=false'),
      moved('v1'),
    ])
  })

  test('of an older line leaves its major version where it is', () => {
    expect(release('v1.9.1', 'v1.10.0')).toStrictEqual([created('v1.9.1', '--latest=false')])
  })

  test('counts no version that is not final', () => {
    expect(release('v1.9.1', 'v1.10.0-rc.1')).toStrictEqual([created('v1.9.1', '--latest=true'), moved('v1')])
    expect(release('v1.10.0-rc.2', 'v1.9.1')).toStrictEqual([created('v1.10.0-rc.2', '--prerelease')])
  })
})
