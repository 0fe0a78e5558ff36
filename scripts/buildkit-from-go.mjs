/**
 * Builds BuildKit's daemon and Docker Buildx for the tests and the benchmark, once.
 *
 *     node scripts/buildkit-from-go.mjs
 *
 * For a machine with Go. Prints where they are.
 */
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { provideBuildkit } from './bench/cache-buildkit.mjs'

const folder = fs.mkdtempSync(join(tmpdir(), 'buildkit-'))
try {
  console.log(Object.values(await provideBuildkit(folder, console.error)).join('\n'))
} finally {
  fs.rmSync(folder, { recursive: true, force: true })
}
