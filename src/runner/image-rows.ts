import { ATTEST_INPUTS } from './attest-inputs.js'
import { ATTESTATION_INPUTS } from './attestation-inputs.js'
import { COMPRESSION_INPUTS } from './compression-inputs.js'
import { TIMESTAMP_INPUT } from './timestamp-input.js'

/** What an image is written with, and what is said of it; in the order of action.yml. */
export const IMAGE_INPUTS = { ...TIMESTAMP_INPUT, ...COMPRESSION_INPUTS, ...ATTESTATION_INPUTS, ...ATTEST_INPUTS }
