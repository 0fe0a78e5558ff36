import { spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { repository } from './runner-files.js'

/** The program of `__tests__/hostile/escape`, static; or why it can't be built here, for `testUnless`. */
export function buildEscape(): { readonly program: string } | { readonly missing: string } {
  const program = join(mkdtempSync(join(tmpdir(), 'rib-escape-')), 'escape')
  const { status, error, stderr } = spawnSync('go', ['build', '-trimpath', '-o', program, '.'], {
    cwd: join(repository, '__tests__/hostile/escape'),
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false' },
    encoding: 'utf8',
  })
  if (error !== undefined) return { missing: 'Go is not here, with which the escapes are built' }
  if (status !== 0) throw new Error(`The escapes could not be built: ${stderr}`)
  return { program }
}
