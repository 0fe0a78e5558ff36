import { afterAll, expect, jest } from '@jest/globals'

import { succeed } from '../harness/clean-step.js'
import { describeEngines } from '../harness/describe-engines.js'
import { withSettings } from '../harness/registry-client.js'
import { startRegistry } from '../harness/registry.js'
import { statementsOf } from '../harness/statements.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(300_000)

const { registry, base } = await useRegistry()
const login = { username: 'ada', password: 'hush-password-1aB' }
const closed = await startRegistry({ login })
afterAll(() => closed.stop())

const SECRETS = { id: 'hush-secret-2cD', ignored: 'hush-ignored-3eF' }
const ALL = [login.password, ...Object.values(SECRETS)]

/** Says what it was shown, each source in a document of its own, and where it finds anything that is to be hidden. */
const SCRIPT = `set -eu
say() { printf '{"spdxVersion":"SPDX-2.3","name":"%s","files":"%s"}' "$1" "$2" >"$BUILDKIT_SCAN_DESTINATION/$1.spdx.json"; }
for source in "$BUILDKIT_SCAN_SOURCE" "$BUILDKIT_SCAN_SOURCE_EXTRAS"/*; do
  touch "$source/x" 2>/dev/null && exit 3
  say "$(basename "$source")" "$(cd "$source"; find . -type f ! -path './bin/*' ! -path './etc/*' | sort | tr '\\n' ' ')"
done
hidden='hush-[psi][a-z]*-[0-9]'
found=$(find / -path /sys -prune -o -path /proc -prune -o -type f -exec grep -l "$hidden" {} + || true)
say found "$found$(grep -l "$hidden" /proc/[0-9]*/environ || true)"`

const DOCKERFILE = `FROM ${base} AS build
ARG BUILDKIT_SBOM_SCAN_STAGE=true
RUN --mount=type=secret,id=token wc -c </run/secrets/token >/made
FROM ${base} AS other
RUN echo other >/other
FROM ${base}
ARG BUILDKIT_SBOM_SCAN_CONTEXT=true
ARG TOKEN
COPY --from=build /made /app/
COPY --from=other /other /app/
`

describeEngines('with $name', ({ version, wish, testOne }) => {
  testOne(
    'a generator is shown what the Dockerfile asks for, and no secret, and none is in what is attached',
    async () => {
      const { inputs, ...tools } = wish()
      const name = `acme/scanned-${version.replaceAll('.', '-')}`
      const generator = await withSettings(base, 'lists', { Entrypoint: ['/bin/sh', '-c'], Cmd: [SCRIPT] })
      await succeed({
        ...tools,
        workspace: {
          ...{ Dockerfile: DOCKERFILE, '.dockerignore': '*.env\n' },
          ...{ 'src/app.c': 'int main;', 'local.env': SECRETS.ignored },
        },
        inputs: {
          ...inputs,
          ...{ images: `${registry.host}/${name}\n${closed.host}/${name}`, push: 'true', 'tls-verify': 'false' },
          ...{ registry: closed.host, ...login, cache: 'off', provenance: 'mode=max', sbom: `generator=${generator}` },
          ...{ secrets: `token=${SECRETS.id}`, 'build-args': `TOKEN=${SECRETS.id}` },
        },
      })
      const statements = await statementsOf(`${registry.host}/${name}:latest`)
      const spdx = statements.filter(({ predicateType }) => predicateType === 'https://spdx.dev/Document')
      expect(Object.fromEntries(spdx.map(({ predicate }) => [predicate['name'], predicate['files']]))).toStrictEqual({
        sbom: './app/made ./app/other ',
        'sbom-build': './made ',
        'sbom-context': './.dockerignore ./Dockerfile ./src/app.c ',
        found: '',
      })
      expect(statements).toHaveLength(5)
      const text = JSON.stringify(statements)
      const [encoded = ''] = /(?<="data":")[^"]+/.exec(text) ?? []
      const shown = text + Buffer.from(encoded, 'base64').toString()
      expect(shown).toContain('BUILDKIT_SBOM_SCAN_STAGE=true')
      for (const secret of ALL) expect(shown).not.toContain(secret)
    },
  )
})
