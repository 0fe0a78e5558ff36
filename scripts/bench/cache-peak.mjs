import * as fs from 'node:fs'
import { join, relative } from 'node:path'
import { setInterval } from 'node:timers'

/** How often processes are looked at, in ms. */
const interval = 100

/**
 * Watches the Node processes that run a script of a folder, whoever started them. The kernel keeps each one's peak
 * (VmHWM, proc(5)), so that looking now and then misses no more than what came between the last look and the end.
 * @param {string} folder
 * @returns {{stop: () => Map<string, number>}} peak of resident memory in bytes by script; of several processes of one
 * script the largest
 */
export function watchPeaks(folder) {
  const peaks = new Map()
  const look = () => {
    for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const found = readProcess(pid, folder)
      if (found !== undefined) peaks.set(found.script, Math.max(peaks.get(found.script) ?? 0, found.bytes))
    }
  }
  const timer = setInterval(look, interval)
  return {
    stop() {
      timer.close()
      return peaks
    },
  }
}

function readProcess(pid, folder) {
  try {
    const [, script = ''] = fs.readFileSync(join('/proc', pid, 'cmdline'), 'utf8').split('\0')
    if (!script.startsWith(`${folder}/`) || fs.readlinkSync(join('/proc', pid, 'exe')) !== process.execPath) return
    const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(fs.readFileSync(join('/proc', pid, 'status'), 'utf8'))?.[1]
    // A process that has ended and wasn't waited for has no memory any more.
    return kilobytes === undefined ? undefined : { script: relative(folder, script), bytes: Number(kilobytes) * 1024 }
  } catch {
    // It has ended meanwhile.
    return undefined
  }
}
