import { attempt, type Env, findProgram } from '../exec.js'

/** Those that engines copy with a file; capabilities are one of them. */
const COPIED = ['user.*', 'security.capability', 'security.ima']

const STAR = '*'.charCodeAt(0)
const NEWLINE = '\n'.charCodeAt(0)

/**
 * The first of some files that has extended attributes; undefined where none has. Node can't tell, GNU tar can: it reads
 * no content where its archive goes nowhere.
 * @param folder absolute
 * @param paths relative to it, no sockets among them
 * @throws Error where that can't be told
 */
export async function findAttributed(folder: string, paths: readonly string[], env: Env): Promise<string | undefined> {
  if (paths.length === 0) return undefined
  const tar = await findProgram('tar', env)
  if (tar === undefined) throw new Error('the program tar, which lists extended attributes, is missing')
  const marks: number[] = []
  let [line, column] = [0, 0]
  const look = (chunk: Buffer) => {
    for (const byte of chunk) {
      // Behind type and rights.
      if (column === 10 && byte === STAR) marks.push(line)
      column += 1
      if (byte === NEWLINE) [line, column] = [line + 1, 0]
    }
  }
  const wanted = COPIED.map((pattern) => `--xattrs-include=${pattern}`)
  const what = ['--create', '--file=/dev/null', '--verbose', '--verbose', '--no-recursion', '--xattrs', ...wanted]
  const from = [`--directory=${folder}`, '--null', '--files-from=-']
  const { exitCode } = await attempt([tar, ...what, ...from], {
    ...{ env: { ...env, LC_ALL: 'C' }, cwd: '/', onStdout: look },
    input: paths.map((path) => `${path}\0`).join(''),
  })
  if (exitCode !== 0) throw new Error(`${tar} can't list extended attributes; GNU tar can`)
  return paths[marks[0] ?? paths.length]
}
