import { UserError } from '../../errors.js'
import { info } from '../../log.js'
import type { Context } from '../../runner/context.js'
import type { Inputs } from '../../runner/inputs.js'
import type { Services } from '../pipeline-context.js'
import { NEEDED_PERMISSIONS } from '../../signing/permissions.js'

/**
 * The inputs, without `attest` where there is nothing to attest or nobody who can, which is said.
 * @throws UserError where the job may not do it, before anything is built
 */
export function settleAttest(inputs: Inputs, context: Context, { signing }: Pick<Services, 'signing'>): Inputs {
  if (inputs.attest === 'false') return inputs
  const reason = whyNot(inputs, context)
  if (reason !== undefined) {
    info(`Attest: nothing is attested, since ${reason}`)
    return { ...inputs, attest: 'false' }
  }
  if (signing.endpointsOf(context.server) === undefined)
    throw new UserError(
      `Input "attest": ${context.server} has no attestations; github.com and ghe.com have.`,
      'Remove it, or write `attest: false`.',
    )
  if (context.idTokens === undefined)
    throw new UserError('Input "attest": this job gets no identity token to sign with.', NEEDED_PERMISSIONS)
  if (inputs.githubToken === undefined)
    throw new UserError(
      'Input "attest": attestations are stored with "github-token", which is empty.',
      'Remove `github-token`, so that it is the token of the job.',
    )
  return inputs
}

function whyNot({ push }: Inputs, { event, act }: Context): string | undefined {
  if (!push) return 'nothing is pushed (`push: true` pushes)'
  if (event.fork) return 'a pull request from a fork gets no identity token'
  return act ? 'a job under act gets no identity token' : undefined
}
