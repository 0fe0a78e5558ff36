// Makes dist/ from src/: tsc turns TypeScript into JavaScript, ncc bundles each entry with what it imports. The result
// is committed, and a test makes it anew and compares byte for byte.
import { rmSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const out = process.argv[2] ?? 'dist'

function run(program, ...args) {
  const { status } = spawnSync(process.execPath, [`node_modules/${program}`, ...args], { cwd: root, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

rmSync(`${root}/build`, { recursive: true, force: true })
// ncc could read TypeScript itself, but then checks the tests as well, and takes no TypeScript newer than it knows.
run('typescript/bin/tsc', '--project', 'tsconfig.build.json')
for (const entry of ['main', 'post', 'transfer']) {
  rmSync(`${out}/${entry}`, { recursive: true, force: true })
  const options = ['--minify', '--license', 'licenses.txt', '--no-cache', '--quiet']
  run('@vercel/ncc/dist/ncc/cli.js', 'build', `build/${entry}.js`, '--out', `${out}/${entry}`, ...options)
}
rmSync(`${root}/build`, { recursive: true, force: true })
