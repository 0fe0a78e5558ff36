import { info, setFailed, setOutput } from '@actions/core'
import { readContext } from './context.js'
import { describe } from './errors.js'
import { terminateChildren } from './exec.js'
import { formatReference } from './image/reference.js'
import { readInputs } from './inputs.js'
import { type Result, run } from './run.js'
import { writeState } from './state.js'

/** The runner sends SIGKILL 10 seconds after SIGINT. */
const GRACE_MS = 2000

for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    process.stdout.write(`\nCancelled by ${signal}: ending the build.\n`)
    void terminateChildren(GRACE_MS).finally(() => process.exit(exitCode))
  })
}

try {
  const context = readContext()
  const inputs = readInputs(context.env)
  info(`Rootless Image Build: ${inputs.context}${inputs.target === undefined ? '' : `, target ${inputs.target}`}`)
  writeOutputs(await run(inputs, context, writeState))
} catch (error) {
  setFailed(describe(error))
}
// A socket or a timer that a library left open must not hold the job; exitCode, set by setFailed, stays.
process.exit()

function writeOutputs({ imageId, references, pushed, engine }: Result): void {
  const names = references.map(formatReference)
  const digest = pushed[0]?.digest ?? ''
  setOutput('imageid', imageId)
  setOutput('digest', digest)
  setOutput('tags', names.join('\n'))
  setOutput('metadata', {
    'containerimage.config.digest': imageId,
    ...(digest !== '' && { 'containerimage.digest': digest }),
    'image.name': names.join(','),
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
}
