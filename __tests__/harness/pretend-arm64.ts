import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { buildahWith } from './buildah-with.js'
import type { StepOptions } from './runner.js'

/** Node says that the machine has another processor. */
const preload = `const os = require('node:os')
os.arch = () => 'arm64'
os.machine = () => 'aarch64'
require('node:module').syncBuiltinESMExports()
`

/**
 * What a step is given that takes its runner for one of arm64. Buildah builds for it without being told, as it would there:
 * what it builds must run nothing.
 */
export function pretendArm64(): Required<Pick<StepOptions, 'env' | 'path'>> {
  const path = buildahWith('--platform=linux/arm64')
  writeFileSync(join(path, 'preload.cjs'), preload)
  return { env: { NODE_OPTIONS: `--require=${join(path, 'preload.cjs')}` }, path }
}
