import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** A row that can't be judged. */
export class MutationError extends Error {}

const ENTRIES = ['main', 'post', 'cache-worker']
const COMPILED = 'compiled'
/** A test may take so many times as long as it says. */
const STRETCH = 5

/**
 * Copies the checkout, what isn't committed included, so that the user's own files stay as they are. `temporary` is for
 * what tests make.
 */
export function makeCopy() {
  const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'rib-mutations-')))
  fs.chmodSync(folder, 0o755)
  const temporary = join(folder, 'tmp')
  fs.mkdirSync(temporary)
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root })
  for (const path of listed.toString().split('\0').filter(Boolean)) {
    if (path.startsWith('dist/') || !fs.existsSync(join(root, path))) continue
    fs.cpSync(join(root, path), join(folder, path), { recursive: true, verbatimSymlinks: true })
    if (path.endsWith('.test.ts')) stretchLimits(join(folder, path))
  }
  fs.symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return {
    folder,
    temporary,
    layOut: (compiler) => layOutDist(folder, compiler),
    mutate: (row, compiler) => mutate(row, folder, compiler),
    remove: () => remove(folder),
  }
}

/** Without root, files of an image belong to ids that only Buildah may remove. */
function remove(folder) {
  try {
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  } catch {
    execFileSync('buildah', ['unshare', 'rm', '-rf', folder])
  }
}

/** On a busy machine, a test that took too long would look like one that has noticed. */
function stretchLimits(path) {
  const text = fs.readFileSync(path, 'utf8')
  fs.writeFileSync(path, text.replaceAll(/\bjest\.setTimeout\(|(?<=^ *}, )(?=[\d_]+\)$)/gm, `$&${STRETCH} * `))
}

/**
 * Makes a dist/ that isn't bundled: to bundle takes half a minute, and this way a mutation costs one file. Its entries
 * lead to compiled files beside copies of the packages, since the accounts that the tests build with may have no way to
 * the checkout's.
 */
function layOutDist(folder, compiler) {
  for (const file of compiler.files) compiler.emit(file, compiledPath(folder, file))
  fs.writeFileSync(join(folder, COMPILED, 'package.json'), '{ "type": "module" }\n')
  const { packages } = JSON.parse(fs.readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const ours = Object.keys(packages).filter((path) => path !== '' && packages[path].dev !== true)
  for (const path of ours) fs.cpSync(join(root, path), join(folder, COMPILED, path), { recursive: true })
  execFileSync('chmod', ['-R', 'a+rX', join(folder, COMPILED)])
  for (const entry of ENTRIES) {
    const index = withFolder(join(folder, 'dist', entry, 'index.js'))
    fs.writeFileSync(index, `import './src/${entry}.js'\n`)
    fs.symlinkSync(join(folder, COMPILED, 'src'), join(dirname(index), 'src'))
  }
}

function compiledPath(folder, file) {
  return join(folder, COMPILED, file.replace(/\.ts$/, '.js'))
}

/** Puts the words of a row in. @returns what takes them out again */
function mutate({ file, find, put }, folder, compiler) {
  const path = join(folder, file)
  const before = fs.readFileSync(path, 'utf8')
  const count = before.split(find).length - 1
  if (count !== 1) throw new MutationError(`It doesn't apply: these words are there ${count} times.\n${find}`)
  const isCompiled = compiler.files.includes(file)
  const undo = () => {
    fs.writeFileSync(path, before)
    if (isCompiled) compiler.emit(file, compiledPath(folder, file))
  }
  fs.writeFileSync(
    path,
    before.replace(find, () => put),
  )
  const mistakes = isCompiled ? compiler.mistakesIn(file) : []
  if (mistakes.length > 0) {
    undo()
    throw new MutationError(`It doesn't compile: ${mistakes.join('; ')}`)
  }
  if (isCompiled) compiler.emit(file, compiledPath(folder, file))
  return undo
}

/** The folder that a path lies in, made where it isn't there. */
export function withFolder(path) {
  fs.mkdirSync(dirname(path), { recursive: true })
  return path
}
