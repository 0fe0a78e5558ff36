import { error as errorCommand, setOutput, summary } from '@actions/core'
import { completeProxies, readContext } from './runner/context.js'
import { describe, UserError } from './errors.js'
import { type Inputs, readInputs, readSummaryWish } from './runner/inputs.js'
import { gatherWarnings, info, markAt, warn } from './log.js'
import { hiddenOutputs, outputsOf } from './pipeline/outputs.js'
import { endForGood } from './lib/cancellation.js'
import { run } from './pipeline/run.js'
import { hasPushed, startRun, resultSoFar } from './pipeline/run-record.js'
import { stateWriter } from './runner/state.js'
import { checkUnknownInputs } from './runner/unknown-inputs.js'
import { realServices } from './pipeline/services.js'
import { failureSummaryOf, summaryOf } from './pipeline/summary.js'

/** The runner insists 7.5 seconds after SIGINT with SIGTERM, and 2.5 seconds later with SIGKILL. */
const KILL_GRACE_MS = 2000

let ending: Promise<void> | undefined

for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    process.exitCode = exitCode
    process.stdout.write(`\nCancelled by ${signal}: ending the build.\n`)
    // The pass ends by itself when its program has ended; what waits for something else is not waited for.
    ending = endForGood(KILL_GRACE_MS)
    void ending.then(() =>
      setTimeout(() => void endForGood(KILL_GRACE_MS).finally(() => process.exit()), KILL_GRACE_MS),
    )
  })
}

const context = readContext()
const services = realServices(stateWriter())
const runState = startRun(services)
const warnings = new Set<string>()
completeProxies()
try {
  const { inputs, result } = await gatherWarnings(warnings, work)
  if (inputs.summary && !inputs.dryRun) await writeSummary(summaryOf(result, inputs, [...warnings]))
} catch (error) {
  // What fails because it was cancelled is no error of its own.
  if (process.exitCode === undefined) await fail(error)
}
// A socket or a timer that a library left open must not hold the job; the exit code that is set stays.
await ending
// One may have been about to start.
if (ending !== undefined) await endForGood(KILL_GRACE_MS)
process.exit()

async function work() {
  checkUnknownInputs(context.act)
  const inputs = readInputs(context.env)
  info(`Rootless Image Build: ${inputs.context}${inputs.target === undefined ? '' : `, target ${inputs.target}`}`)
  for (const note of inputs.notes) info(note)
  // It runs every action by whatever node it finds, whatever action.yml says.
  if (context.act) info(`Running under nektos/act, with Node.js ${process.version} from its PATH`)
  try {
    const result = await run(inputs, context, services, runState)
    writeOutputs(outputsOf(result), inputs)
    return { inputs, result }
  } catch (error) {
    // A later step may have to remove what was pushed.
    const result = resultSoFar(runState)
    if (result !== undefined && hasPushed(result)) writeOutputs(outputsOf(result), inputs)
    throw error
  }
}

function writeOutputs(outputs: ReturnType<typeof outputsOf>, inputs: Inputs): void {
  for (const [name, value] of Object.entries(outputs)) setOutput(name, value)
  const hidden = hiddenOutputs(outputs, inputs)
  if (hidden !== undefined) info(hidden)
}

/** One error, with a mark at the line of the Dockerfile where it has one. */
async function fail(error: unknown): Promise<void> {
  process.exitCode = 1
  const place = error instanceof UserError ? error.place : undefined
  errorCommand(describe(error), markAt(place, context.workspace))
  if (readSummaryWish()) await writeSummary(failureSummaryOf(error, runState, context.workspace, [...warnings]))
}

/** A summary that can't be written is no reason to fail. */
async function writeSummary(text: string): Promise<void> {
  if (!context.hasSummary) return
  await summary
    .addRaw(text)
    .write()
    .catch((error: unknown) => {
      warn(`Could not write the job summary: ${describe(error)}`)
    })
}
