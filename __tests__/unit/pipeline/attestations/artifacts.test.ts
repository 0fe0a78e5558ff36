import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { parseReference } from '../../../../src/metadata/reference.js'
import { chooseArtifacts, declareArtifacts, declaredIn } from '../../../../src/pipeline/attestations/artifacts.js'
import { logOf, temporaryFolder } from '../../helpers.js'

const A = `sha256:${'a'.repeat(64)}`
const B = `sha256:${'b'.repeat(64)}`
const pushed = (digest: string, ...names: string[]) =>
  names.map((name) => ({ reference: parseReference(name), digest }))
const listOf = (...subjects: readonly (readonly [name: string, digest: string])[]) =>
  JSON.stringify({ version: 1, subjects: subjects.map(([name, digest]) => ({ name, digest, kind: 'oci' })) })

describe('what is declared', () => {
  it('is a line for each reference, with its tag', () => {
    const { lines, notes } = chooseArtifacts(pushed(A, 'ghcr.io/acme/web:1.2.3', 'localhost:5000/web:edge'), new Map())
    expect(lines).toStrictEqual([`ghcr.io/acme/web:1.2.3@${A}`, `localhost:5000/web:edge@${A}`])
    expect(notes).toStrictEqual([])
  })

  it('is nothing that an earlier step has declared, and nothing that it has declared otherwise', () => {
    const declared = declaredIn(listOf(['ghcr.io/acme/web:1', A], ['ghcr.io/acme/web:2', B]))
    const { lines, notes } = chooseArtifacts(
      pushed(A, 'ghcr.io/acme/web:1', 'ghcr.io/acme/web:2', 'ghcr.io/acme/web:3'),
      declared,
    )
    expect(lines).toStrictEqual([`ghcr.io/acme/web:3@${A}`])
    expect(notes).toStrictEqual([
      `ghcr.io/acme/web:2 left out: an earlier step declared it as "${B}", and the runner takes one digest for a name`,
    ])
  })

  it('is no more than the runner takes of a job', () => {
    const earlier = Array.from({ length: 498 }, (_, index) => [`other:${index}`, B] as const)
    const names = ['ghcr.io/acme/web:1', 'ghcr.io/acme/web:2', 'ghcr.io/acme/web:3', 'ghcr.io/acme/web:4']
    const { lines, notes } = chooseArtifacts(pushed(A, ...names), declaredIn(listOf(...earlier)))
    expect(lines).toHaveLength(2)
    expect(notes).toStrictEqual(['2 references left out: the runner takes 500 artifacts of a job'])
  })

  it.each([`sha512:${'a'.repeat(128)}`, `${A}\nghcr.io/evil`, 'sha256:a'])(
    'is no line of another form: %j',
    (digest) => {
      const { lines, notes } = chooseArtifacts(pushed(digest, 'ghcr.io/acme/web:1'), new Map())
      expect(lines).toStrictEqual([])
      expect(notes.join('')).toMatch(
        /^"ghcr\.io\/acme\/web:1@.*" left out: the runner takes names with a SHA-256 digest$/,
      )
    },
  )

  it.each(['', 'x', '[]', '{"subjects":1}', '{"subjects":[1,{"name":"a"}]}'])('comes through a list of %j', (list) => {
    expect(chooseArtifacts(pushed(A, 'ghcr.io/acme/web:1'), declaredIn(list)).lines).toHaveLength(1)
  })
})

describe('declareArtifacts', () => {
  const files = (list: string) => {
    const folder = temporaryFolder()
    const paths = { declared: join(folder, 'declared'), list: join(folder, 'list') }
    writeFileSync(paths.declared, '')
    writeFileSync(paths.list, list)
    return paths
  }

  it('writes the lines for the runner, and says so', async () => {
    const paths = files(listOf())
    const log = await logOf(() => declareArtifacts(pushed(A, 'ghcr.io/acme/web:1', 'ghcr.io/acme/web:2'), paths))
    expect(readFileSync(paths.declared, 'utf8')).toBe(`ghcr.io/acme/web:1@${A}\nghcr.io/acme/web:2@${A}\n`)
    expect(log).toBe('Artifacts: declared 2 references\n')
  })

  it('says why there is nothing to write', async () => {
    const off = files('')
    expect(await logOf(() => declareArtifacts(pushed(A, 'ghcr.io/acme/web:1'), off))).toContain('this runner ignores')
    expect(readFileSync(off.declared, 'utf8')).toBe('')
    expect(await logOf(() => declareArtifacts([], off))).toContain('pushed nothing')
    expect(await logOf(() => declareArtifacts(pushed(A, 'ghcr.io/acme/web:1'), undefined))).toContain('2.336.0')
  })

  it('warns of files that aren’t there, and fails nothing', async () => {
    const nowhere = { declared: '/nowhere/declared', list: '/nowhere/list' }
    const log = await logOf(() => declareArtifacts(pushed(A, 'ghcr.io/acme/web:1'), nowhere))
    expect(log).toMatch(/^::warning::Artifacts: none declared\. .*ENOENT/)
  })
})
