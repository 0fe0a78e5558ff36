import * as fs from 'node:fs'
import { cpus, release, totalmem } from 'node:os'

import { renderTable } from './table.mjs'

/** What the figures were measured on, as a table. @param engine what a step's log says of it, undefined when none ran */
export function describeMachine(engine) {
  const processors = cpus()
  const rows = [
    ['date', new Date().toISOString().slice(0, 10)],
    ['processors', `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}`],
    ['memory', `${(totalmem() / 2 ** 30).toFixed(1)} GiB`],
    ['system', `${systemName()}, kernel ${release()}`],
    ['Node', process.versions.node],
  ]
  if (engine !== undefined) rows.push(['Buildah', engine.version], ['chosen by the action', engine.way])
  return renderTable(['machine', ''], rows)
}

function systemName() {
  return /^PRETTY_NAME="?([^"\n]*)/m.exec(fs.readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'unknown system'
}
