import { type CountedInput, INPUT_ROWS } from './input-table.js'
import { type Inputs, valueOf } from './inputs.js'

/** The texts of the inputs that are compared literally: another text means another build. */
export type CountedTexts = Readonly<Record<CountedInput, readonly string[]>>

export function countedTexts(inputs: Inputs): CountedTexts {
  return Object.fromEntries(rowsWithTexts(inputs).map(({ name, texts }) => [name, texts])) as CountedTexts
}

/** The ones that affect RUN steps, each after the name of its input: `ulimit nofile=512`. */
export function runStepTexts(inputs: Inputs): string[] {
  const seen = rowsWithTexts(inputs).filter(({ affects }) => affects === 'run-steps')
  return seen.flatMap(({ name, texts }) => texts.map((text) => `${name} ${text}`))
}

function rowsWithTexts(inputs: Inputs) {
  return INPUT_ROWS.flatMap(([name, row]) => {
    if (!('counts' in row)) return []
    return [{ name, affects: row.affects, texts: row.counts(valueOf(inputs, row)) }]
  })
}
