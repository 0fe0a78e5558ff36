import { checkReadable } from '../../access.js'
import type { EngineRequest } from '../../engines.js'
import { refuseIpv6 } from '../registries/ipv6-registries.js'

/** Checks what can be known before Buildah is found. @throws UserError for what Buildah can't build here */
export async function checkRequest(request: EngineRequest): Promise<void> {
  const { source, context, folder } = request
  if (folder.buildUser.buildahUnavailable !== undefined) throw folder.buildUser.buildahUnavailable
  refuseIpv6(request)
  await checkReadable(source, folder.buildUser, context)
}
