import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { afterAll, expect, jest, test } from '@jest/globals'

import { formatIgnoreFile, parseIgnoreFile } from '../../src/source/dockerignore.js'
import { readIgnored } from '../../src/source/ignored-files.js'
import { surveyContext } from '../../src/source/scan.js'
import { findUnseen } from '../../src/source/unseen-folders.js'
import { accountFor } from '../harness/account.js'
import { builtBuildah, builtVersions, systemVersion } from '../harness/built-buildah.js'
import { run } from '../harness/command.js'
import { makeFolder, removeFolders } from '../harness/folders.js'
import { type Dice, diceOf } from '../harness/staleness-random.js'
import { isExhaustive, seedOfSet } from '../harness/test-set.js'

jest.setTimeout(1_800_000)
afterAll(removeFolders)

const account = accountFor('user')
const COUNT = isExhaustive ? 320 : 40
const NAMES = [
  'a',
  'A',
  'b',
  'ab',
  'src',
  'Src',
  '.a',
  'a.go',
  'b.GO',
  '🙂.txt',
  'é',
  'a b',
  'a+b',
  '(a)',
  '[a]',
  'a^',
  '!a',
  '#a',
]
const PIECES = [...NAMES, '*', '*', '**', '**', '?', '??', '*.go', '*.txt', 'a*', '[ab]', '[^a]', '\\a', '.', '..']
const ALL = { path: '', mounted: false } as const

const pick = <T>(list: readonly T[], dice: Dice): T => {
  const [first] = list.slice(dice(list.length))
  if (first === undefined) throw new Error('there is nothing to pick')
  return first
}

/** Files and links with odd names, up to four deep. */
function growTree(dice: Dice): string {
  const tree = makeFolder('tree', account)
  for (let count = 0; count < 60; count += 1) {
    const path = Array.from({ length: 1 + dice(4) }, () => pick(NAMES, dice)).join('/')
    const put =
      dice(8) === 0
        ? () => {
            symlinkSync(pick(NAMES, dice), join(tree, path))
          }
        : () => {
            writeFileSync(join(tree, path), path)
          }
    try {
      mkdirSync(join(tree, dirname(path)), { recursive: true })
      put()
    } catch {
      // Something else is called like that already.
    }
  }
  return tree
}

/** A few lines, of which each may be an exception to those before it. */
function growPatterns(dice: Dice): string {
  const line = () => {
    const path = Array.from({ length: 1 + dice(3) }, () => pick(PIECES, dice)).join('/')
    return `${pick(['', '', '', '!', '/', ' ', '!/', './'], dice)}${path}${pick(['', '', '', '/', ' ', '\r'], dice)}`
  }
  return Array.from({ length: 1 + dice(4) }, () =>
    dice(5) === 0 ? pick(['*', '**', '*\n!src', '**\n!**/*.go'], dice) : line(),
  ).join('\n')
}

/** What Buildah takes by each of these ignore files: the paths, or nothing at all where it refuses one. */
async function takenBy(
  program: string,
  tree: string,
  ignoreFiles: readonly string[],
): Promise<(string[] | undefined)[]> {
  const storage = makeFolder('storage', account)
  const own = [program, '--root', join(storage, 'root'), '--runroot', join(storage, 'run'), '--storage-driver', 'vfs']
  const script = `set -eu
    container=$("$@" from scratch)
    for file in "$FILES"/*.ignore; do
      number=$(basename "$file" .ignore)
      "$@" copy --quiet --contextdir "$TREE" --ignorefile "$file" "$container" "$TREE" "/$number/" >/dev/null 2>&1 || echo "refused" >"$FILES/$number.refused"
    done
    root=$("$@" mount "$container")
    cd "$root"
    find . ! -type d -print0
    cd "$FILES"
    find . -name '*.refused' -print0`
  const files = makeFolder('ignore', account)
  for (const [index, text] of ignoreFiles.entries()) {
    writeFileSync(join(files, `${index}.ignore`), text)
    chmodSync(join(files, `${index}.ignore`), 0o644)
  }
  const env = { FILES: files, TREE: tree, XDG_RUNTIME_DIR: '', BUILDAH_ISOLATION: 'chroot' }
  const output = await run(program, [...own.slice(1), 'unshare', 'sh', '-c', script, 'sh', ...own], { account, env })
  const paths = output
    .toString()
    .split('\0')
    .map((path) => path.replace('./', ''))
  await run(program, [...own.slice(1), 'unshare', 'rm', '-rf', storage], { account, env }).catch(() => undefined)
  return ignoreFiles.map((_, index) =>
    paths.includes(`${index}.refused`)
      ? undefined
      : paths.filter((path) => path.startsWith(`${index}/`)).map((path) => path.slice(`${index}/`.length)),
  )
}

/** Where the account can get at it. */
function copyOf(program: string): string {
  const copy = join(makeFolder('buildah'), 'buildah')
  copyFileSync(program, copy)
  chmodSync(copy, 0o755)
  return copy
}

const seed = seedOfSet(7)
const programs = [
  { version: systemVersion(), program: 'buildah' as string | undefined },
  ...(isExhaustive ? builtVersions(systemVersion()) : []).map((version) => {
    const built = builtBuildah(version)
    return { version, program: typeof built === 'string' ? undefined : copyOf(built.program) }
  }),
]

for (const { version, program } of programs) {
  const name = `Buildah ${version} takes nothing that is left out here (TEST_SEED=${seed} repeats)`
  ;(program === undefined ? test.skip : test)(name, async () => {
    const dice = diceOf(seed)
    const counts = { taken: 0, left: 0 }
    for (let done = 0; done < COUNT; done += 40) {
      const tree = growTree(dice)
      const texts = Array.from({ length: 40 }, () => growPatterns(dice))
      const written = texts.map(async (text) => {
        const patterns = parseIgnoreFile(text)
        return formatIgnoreFile([...patterns, ...(await findUnseen(tree, patterns)).patterns])
      })
      const taken = await takenBy(program ?? '', tree, await Promise.all(written))
      for (const [index, text] of texts.entries()) {
        const place = makeFolder('place')
        writeFileSync(join(place, 'Dockerfile.dockerignore'), text)
        const ignores = await readIgnored({ context: tree, file: join(place, 'Dockerfile') })
        const survey = await surveyContext({ context: tree, paths: [ALL], ignores })
        const read = new Set(survey.listOf([ALL]))
        const missed = (taken[index] ?? []).filter((path) => !read.has(path))
        expect({ text, missed }).toStrictEqual({ text, missed: [] })
        // Nor does it lose anything, where all engines read the patterns alike, and the names of folders can be written.
        const isSure = taken[index] !== undefined && ignores.ambiguous === undefined
        const lost = [...read].filter((path) => isSure && !taken[index]?.includes(path) && !/[+([^].*\//.test(path))
        expect({ text, lost }).toStrictEqual({ text, lost: [] })
        counts.taken += taken[index]?.length ?? 0
        counts.left += 60 - read.size
      }
    }
    // Neither always nor never, or it would tell nothing.
    expect(Math.min(counts.taken, counts.left)).toBeGreaterThan(100)
  })
}
