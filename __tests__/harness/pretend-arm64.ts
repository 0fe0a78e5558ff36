import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { makeFolder } from './folders.js'
import type { StepOptions } from './runner.js'

/** Node says that the machine has another processor. */
const preload = `const os = require('node:os')
os.arch = () => 'arm64'
os.machine = () => 'aarch64'
require('node:module').syncBuiltinESMExports()
`

/** Buildah builds for it without being told, as it would there. What it builds must run nothing. */
const buildah = `#!/bin/sh
count=$#
while [ "$count" -gt 0 ]; do
  word=$1
  shift
  set -- "$@" "$word"
  if [ "$word" = build ]; then set -- "$@" --platform linux/arm64; fi
  count=$((count - 1))
done
exec /usr/bin/buildah "$@"
`

/** What a step is given that takes its runner for one of arm64. */
export function pretendArm64(): Required<Pick<StepOptions, 'env' | 'path'>> {
  const path = makeFolder('arm64')
  chmodSync(path, 0o755)
  writeFileSync(join(path, 'preload.cjs'), preload)
  writeFileSync(join(path, 'buildah'), buildah)
  chmodSync(join(path, 'buildah'), 0o755)
  return { env: { NODE_OPTIONS: `--require=${join(path, 'preload.cjs')}` }, path }
}
