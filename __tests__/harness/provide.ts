import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

import { repository } from './runner-files.js'

/** What a script of ours has made for the tests, or why it can't be made on this machine; for `testUnless`. */
export type Provided = { readonly folder: string } | { readonly missing: string }

/** `EX_UNAVAILABLE` of sysexits.h. */
const unavailable = 69

/**
 * Runs a script that makes something once and keeps it. A test file that needs it waits here while it is made, which
 * takes minutes, and other files go on; one that doesn't need it never asks. Nothing else of the file runs meanwhile, so
 * that no test's time is spent on it.
 */
export function provide(script: string, ...args: readonly string[]): Provided {
  const { status, stdout, error } = spawnSync('bash', [join(repository, 'scripts', script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  })
  const said = stdout.trim()
  if (status === 0) return { folder: said }
  if (status === unavailable) return { missing: said }
  throw new Error(`scripts/${script} ${args.join(' ')} ended with ${String(status)}; it says why above`, {
    cause: error,
  })
}
