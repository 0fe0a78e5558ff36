// Prints the manifest of the archives of static Buildah in a folder, as dist/buildah.json has it.
//
//   node scripts/static-buildah/manifest.mjs FOLDER TAG
//
// TAG is that of their release, buildah-VERSION-NUMBER. Addresses are relative to the repository that the action is of.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const ARCHITECTURES = { amd64: 'x64', arm64: 'arm64' }

const [folder = '.', tag = ''] = process.argv.slice(2)
const version = /^buildah-(\d+\.\d+\.\d+)-\d+$/.exec(tag)?.[1]
if (version === undefined) {
  console.error(`${JSON.stringify(tag)} is no tag of a release of Buildah: buildah-1.45.0-1`)
  process.exit(64)
}

const files = readdirSync(folder)
  .sort()
  .flatMap((filename) => {
    const arch = ARCHITECTURES[/^buildah-[\d.]+-linux-(\w+)\.tar\.gz$/.exec(filename)?.[1] ?? '']
    if (arch === undefined) return []
    const content = readFileSync(join(folder, filename))
    return {
      filename,
      arch,
      platform: 'linux',
      download_url: `releases/download/${tag}/${filename}`,
      size: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
    }
  })
if (files.length !== 2 || !files.every(({ filename }) => filename.startsWith(`buildah-${version}-`))) {
  console.error(`${folder} has not one archive of Buildah ${version} for each architecture`)
  process.exit(65)
}
console.log(JSON.stringify([{ version, stable: true, files }], undefined, 2))
