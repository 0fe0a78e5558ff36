// Makes dist/ from src/: tsc turns TypeScript into JavaScript, ncc bundles each entry with what it imports. The result
// is committed, and a test makes it anew and compares byte for byte.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { nameChunks } from './bundle/chunks.mjs'
import { licensesOf } from './bundle/licenses.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const out = process.argv[2] ?? 'dist'

function run(program, ...args) {
  const { status } = spawnSync(process.execPath, [`node_modules/${program}`, ...args], { cwd: root, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

rmSync(`${root}/build`, { recursive: true, force: true })
// ncc could read TypeScript itself, but then checks the tests as well, and takes no TypeScript newer than it knows.
run('typescript/bin/tsc', '--project', 'tsconfig.build.json')
for (const entry of ['main', 'post', 'cache-worker']) {
  const folder = join(out, entry)
  rmSync(folder, { recursive: true, force: true })
  const statistics = join(root, 'build', `${entry}.json`)
  const options = ['--minify', '--no-cache', '--quiet', '--stats-out', statistics]
  run('@vercel/ncc/dist/ncc/cli.js', 'build', `build/${entry}.js`, '--out', folder, ...options)
  const { chunks, modules } = JSON.parse(readFileSync(statistics, 'utf8'))
  nameChunks(folder, chunks)
  writeFileSync(join(folder, 'licenses.txt'), licensesOf(root, modules))
}
rmSync(`${root}/build`, { recursive: true, force: true })
