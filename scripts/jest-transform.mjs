import { transformSync, version } from '@swc/core'

const options = {
  configFile: false,
  swcrc: false,
  sourceMaps: 'inline',
  module: { type: 'es6' },
  jsc: { target: 'es2022', parser: { syntax: 'typescript' }, transform: { verbatimModuleSyntax: true } },
}

/** Takes the types out of a file. What they say is looked at by `npm run check:code`. */
export default {
  process: (source, filename) => ({ code: transformSync(source, { ...options, filename }).code }),
  getCacheKey: (source, filename, { configString }) =>
    [version, JSON.stringify(options), configString, filename, source].join('\0'),
}
