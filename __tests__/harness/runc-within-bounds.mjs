#!/usr/bin/env node
/**
 * A runtime for Docker's daemon: runc, for machines whose root lacks some capabilities. There, a privileged container, which
 * is to have all, would not start.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const args = process.argv.slice(2)
const valueOf = (option) => (args.includes(option) ? args[args.indexOf(option) + 1] : undefined)

const bundle = valueOf('--bundle')
/** What a new container starts, or a further program in one that runs. */
const file = bundle === undefined ? valueOf('--process') : join(bundle, 'config.json')
if (file !== undefined) {
  const dumped = execFileSync('setpriv', ['--dump'], { encoding: 'utf8' })
  const bounds = /^Capability bounding set: (.*)$/m.exec(dumped)[1].split(',')
  const isThere = (name) => bounds.includes(name.replace('CAP_', '').toLowerCase())
  const config = JSON.parse(readFileSync(file, 'utf8'))
  const { capabilities = {} } = config.process ?? config
  for (const [set, names] of Object.entries(capabilities)) capabilities[set] = names.filter(isThere)
  writeFileSync(file, JSON.stringify(config))
}
process.exitCode = spawnSync('runc', args, { stdio: 'inherit' }).status ?? 1
