// Puts links to VICTIM in the place of everything in the private folders of steps below TEMP that this user may rename, and
// takes them away again, until it is ended.
//
//   node swap-paths.mjs TEMP VICTIM
import { lstatSync, readdirSync, renameSync, symlinkSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'

const [, , temp = '', victim = ''] = process.argv

function namesIn(folder) {
  try {
    return readdirSync(folder).map((name) => join(folder, name))
  } catch {
    return []
  }
}

function swap(path) {
  try {
    if (lstatSync(path).isSymbolicLink()) return
    renameSync(path, `${path}.real`)
  } catch {
    return
  }
  try {
    symlinkSync(victim, path)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.random() * 20)
    unlinkSync(path)
  } catch {
    // Somebody else has removed it meanwhile.
  }
  try {
    renameSync(`${path}.real`, path)
  } catch {
    // Nothing can be put back where something new lies.
  }
}

process.stdout.write('ready\n')
for (;;) {
  // Whatever else is in /var/tmp isn't a step's, and would be left as a link where this is ended.
  const steps = namesIn(temp).filter((path) => /\/rootless-image-build-[^/.]+$/.test(path))
  // The folder can't be listed where it is root's: its names are known all the same.
  const known = [
    'auth',
    'cache',
    'context',
    'data',
    'out',
    'parts',
    'probe',
    'root',
    'run',
    'sandbox',
    'secrets',
    'tmp',
    'user',
  ]
  const below = steps.flatMap((step) => known.map((name) => join(step, name)))
  const files = below.flatMap(namesIn)
  for (const path of [...steps, ...below, ...files, ...files.flatMap(namesIn)]) swap(path)
}
