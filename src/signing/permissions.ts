/** The hint for a job that may not do what `attest` needs. */
export const NEEDED_PERMISSIONS = `Write into the job, and into the job that calls it if this is a reusable workflow:
permissions:
  contents: read
  packages: write
  id-token: write
  attestations: write`
