/**
 * @actions/http-client makes one of these in `getAgentDispatcher()`, for who calls fetch(). Nothing here does; the rest of
 * undici would be half of each bundle (docs/adr/0001-runtime-dependencies.md).
 */
export class ProxyAgent {
  constructor() {
    throw new Error('undici is not a part of this action: docs/adr/0001-runtime-dependencies.md says why')
  }
}
