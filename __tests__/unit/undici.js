/**
 * What the unit tests load in the place of undici (jest.config.js): @actions/http-client wants this one class of it, which
 * nothing of ours uses, and undici takes longer to load than most files of tests take to run.
 */
export class ProxyAgent {
  constructor() {
    throw new Error('The unit tests have no undici')
  }
}
