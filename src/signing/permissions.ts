/** The hint for a job that may not do what `attest` needs. */
export const NEEDED_PERMISSIONS = `Add to the job, and, if it is in a reusable workflow, to the job that calls it:
permissions:
  contents: read
  packages: write
  id-token: write
  attestations: write`
