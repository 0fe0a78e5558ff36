import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const PACKAGE = /.*node_modules\/((?:@[^/]+\/)?[^/!]+)/

/**
 * The licenses of all packages that are in a bundle. (What ncc writes with `--license` has those of the chunks alone.)
 * @param root of the repository
 * @param modules of webpack's statistics
 */
export function licensesOf(root, modules) {
  return [...packagesIn(modules)]
    .sort()
    .map((name) => licenseOf(join(root, 'node_modules', name)))
    .join('\n')
}

function packagesIn(modules) {
  return new Set(
    modules.flatMap(({ name = '', modules: inner = [] }) => {
      const found = PACKAGE.exec(name)?.[1]
      return [...(found === undefined ? [] : [found]), ...packagesIn(inner)]
    }),
  )
}

function licenseOf(folder) {
  const { name, version, license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
  if (file === undefined && license === undefined) throw new Error(`${name} ${version} says nothing of a license`)
  // Some packages name a license and leave out its text.
  const text = file === undefined ? `By ${author?.name ?? author}` : readFileSync(join(folder, file), 'utf8')
  return `${name} ${version}\n${license}\n${text.trim()}\n`
}
