import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import { startInBackground } from '../../../src/lib/background-program.js'
import { temporaryFolder } from '../helpers.js'

const env = { PATH: process.env['PATH'] ?? '' }

async function waitFor(path: string): Promise<string> {
  while (!existsSync(path) || !readFileSync(path, 'utf8').endsWith('\n')) await sleep(10)
  return readFileSync(path, 'utf8').trim()
}

describe('a program in the background', () => {
  it('has the lowest priority, among those of its session and of all sessions', async () => {
    const cwd = temporaryFolder()
    // A kernel without such groups has no such file.
    const isLast = '[ ! -e /proc/self/autogroup ] || grep -q "nice 19" /proc/self/autogroup'
    const script = `for turn in $(seq 200); do { ${isLast}; } && exec nice >own; sleep 0.02; done; exit 1`
    const program = await startInBackground(['sh', '-c', script], { env, cwd })
    expect(await program.succeeded).toBe(true)
    expect(await waitFor(join(cwd, 'own'))).toBe('19')
  })

  it.each([
    ['true', true],
    ['false', false],
    ['/nowhere/program', false],
  ])('says how it has ended: %s', async (name, expected) => {
    const program = await startInBackground([name], { env, cwd: '/' })
    expect(await program.succeeded).toBe(expected)
  })

  it('ends with all that it has started', async () => {
    const cwd = temporaryFolder()
    const program = await startInBackground(['sh', '-c', 'sleep 600 & echo $! >child; wait'], { env, cwd })
    const child = await waitFor(join(cwd, 'child'))
    program.end()
    expect(await program.succeeded).toBe(false)
    while (existsSync(`/proc/${child}/exe`)) await sleep(10)
  })
})
