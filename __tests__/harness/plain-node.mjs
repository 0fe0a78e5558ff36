/**
 * The harness for whoever runs in plain Node, a benchmark for example: the same code as the tests', with the types taken
 * out when it is loaded.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'

/** Loads one of its modules, by its name without the extension. It may import its neighbours, and nothing but types of src/. */
export async function loadModule(name) {
  const folder = mkdtempSync(join(tmpdir(), 'rib-harness-'))
  try {
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    translate(name, folder, new Set())
    return await import(pathToFileURL(join(folder, `${name}.js`)).href)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Writes this module as JavaScript into the folder, and all of its neighbours that it imports. */
function translate(name, folder, done) {
  if (done.has(name)) return
  done.add(name)
  const source = readFileSync(join(dirname(fileURLToPath(import.meta.url)), `${name}.ts`), 'utf8')
  const compilerOptions = { target: 'ES2022', module: 'ES2022', verbatimModuleSyntax: true }
  const { outputText } = ts.transpileModule(source, { compilerOptions })
  writeFileSync(join(folder, `${name}.js`), outputText)
  for (const [, neighbour] of outputText.matchAll(/from '\.\/([^']+)\.js'/g)) translate(neighbour, folder, done)
}
