/**
 * One saveCache() or restoreCache() of @actions/cache, in a process of its own as an action would make it. It takes what
 * to do as JSON in its argument, and writes what came back into the file that `answer` names; the rest is its log.
 */
import { writeFileSync } from 'node:fs'

import { restoreCache, saveCache } from '@actions/cache'

const { save, paths, key, restoreKeys, options, answer } = JSON.parse(process.argv[2])
let result
try {
  const value = save ? await saveCache(paths, key, options) : await restoreCache(paths, key, restoreKeys, options)
  result = { value }
} catch (error) {
  result = { error: `${error.name}: ${error.message}` }
}
writeFileSync(answer, JSON.stringify(result))
// A connection that is kept alive would hold this process for minutes.
process.exit()
