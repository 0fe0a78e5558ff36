import { setFailed, setOutput } from '@actions/core'
import { readContext } from './context.js'
import { describe } from './errors.js'
import { listLabels } from './image/labels.js'
import { formatReference } from './image/reference.js'
import { readInputs } from './inputs.js'
import { say } from './log.js'
import { endFamily, followFamily } from './processes.js'
import { type Result, run } from './run.js'
import { stateWriter } from './state.js'

/** The runner insists 7.5 seconds after SIGINT with SIGTERM, and 2.5 seconds later with SIGKILL. */
const GRACE_MS = 2000

let ending: Promise<void> | undefined

for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    process.exitCode = exitCode
    process.stdout.write(`\nCancelled by ${signal}: ending the build.\n`)
    // The pass ends by itself when its program has ended; what waits for something else is not waited for.
    ending = endFamily(followFamily(), GRACE_MS)
    void ending.then(() => setTimeout(() => process.exit(), GRACE_MS))
  })
}

try {
  const context = readContext()
  const inputs = readInputs(context.env)
  // A URL may have a password in it, though it is refused then.
  const shown = inputs.context.replace(/\/\/[^/@]*@/, '//***@')
  say(`Rootless Image Build: ${shown}${inputs.target === undefined ? '' : `, target ${inputs.target}`}`)
  writeOutputs(await run(inputs, context, stateWriter()))
} catch (error) {
  // What fails because it was cancelled is no error of its own.
  if (process.exitCode === undefined) setFailed(describe(error))
}
// A socket or a timer that a library left open must not hold the job; the exit code that is set stays.
await ending
process.exit()

function writeOutputs({ names, imageId, pushed, engine, cache, storageConf }: Result): void {
  const references = names.references.map(formatReference)
  const digest = pushed[0]?.digest ?? ''
  setOutput('imageid', imageId)
  setOutput('digest', digest)
  setOutput('version', names.version)
  setOutput('tags', references.join('\n'))
  setOutput('tag-names', names.tagNames.join('\n'))
  setOutput('labels', listLabels(names.labels))
  setOutput('annotations', listLabels(names.annotations, 'manifest:'))
  setOutput('json', names.json)
  setOutput('metadata', {
    ...(imageId !== '' && { 'containerimage.config.digest': imageId }),
    ...(digest !== '' && { 'containerimage.digest': digest }),
    'image.name': references.join(','),
  })
  setOutput(
    'pushed',
    pushed.map((one) => ({
      reference: formatReference(one.reference),
      digest: one.digest,
      registry: one.reference.registry,
    })),
  )
  setOutput('engine', engine.name)
  setOutput('engine-version', engine.version)
  setOutput('rootless', engine.rootless)
  setOutput('cache-hit', cache.hit)
  setOutput('cache-stats', cache.stats)
  setOutput('storage-conf', storageConf)
}
