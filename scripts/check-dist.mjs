// Holds that dist/ is what the sources give, byte for byte. The cure is `npm run build`.
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Of the released Buildah: its archives come from scripts/static-buildah/, not from src/. */
const MANIFEST = 'buildah.json'

const root = fileURLToPath(new URL('..', import.meta.url))

function filesIn(folder) {
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && entry.name !== MANIFEST)
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
}

/** Names of the files that one folder has and the other hasn't, or has with another content. */
function differences(one, other) {
  const content = (folder, name) =>
    fs.existsSync(join(folder, name)) ? fs.readFileSync(join(folder, name)) : undefined
  return [...new Set([...filesIn(one), ...filesIn(other)])]
    .filter((name) => content(one, name)?.equals(content(other, name) ?? Buffer.from('none')) !== true)
    .sort()
}

const made = fs.mkdtempSync(join(tmpdir(), 'rib-dist-'))
try {
  const { status } = spawnSync(process.execPath, [join(root, 'scripts/build.mjs'), made], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
  const different = differences(made, join(root, 'dist'))
  if (different.length > 0) {
    console.error(`dist/ is not what src/ gives. Run npm run build, and commit dist/ as well:\n${different.join('\n')}`)
    process.exitCode = 1
  }
} finally {
  fs.rmSync(made, { recursive: true, force: true })
}
