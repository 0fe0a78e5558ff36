import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, jest } from '@jest/globals'

import { CHECK_BASE, CHECK_CASES } from '../harness/check-cases.js'
import { fail, succeed } from '../harness/clean-step.js'
import { run } from '../harness/command.js'
import { describeEngines } from '../harness/describe-engines.js'
import { dockerReason } from '../harness/docker-daemon.js'
import { makeFolder } from '../harness/folders.js'
import { withSettings } from '../harness/registry-client.js'
import { describeExhaustively, isExhaustive } from '../harness/test-set.js'
import { testUnless } from '../harness/skipping.js'
import { useDocker } from '../harness/use-docker.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(300_000)

const { registry, base } = await useRegistry()
const reason = isExhaustive ? dockerReason() : 'only compared in the exhaustive set'
const docker = await useDocker(reason)
const configured = await withSettings(base, 'checked', CHECK_BASE)

describeEngines('with $name', ({ wish, testOne }) => {
  testOne(
    'what checks find is shown at its line, with what the base image has, and fails the step if it shall',
    async () => {
      const dockerfile = `FROM ${configured}\nENV OWN=$FROM_BASE$FROM_NOBODY\nCMD in-its-shell\nARG API_TOKEN\n`
      const step = {
        ...wish(),
        workspace: { Dockerfile: dockerfile },
        inputs: { ...wish().inputs, tags: `${registry.host}/acme/checked:1`, 'tls-verify': 'false' },
      }
      const { log, summary } = await succeed(step)
      const marks = log.match(/^::warning title=.*$/gm)?.map((line) => line.split('::')[1])
      expect(marks).toStrictEqual([
        'warning title=UndefinedVar,file=Dockerfile,line=2',
        'warning title=SecretsUsedInArgOrEnv,file=Dockerfile,line=4',
      ])
      expect(log).toContain('ENV uses the variable "FROM_NOBODY", which has no value')
      expect(summary).toContain('UndefinedVar')

      const { error, log: failed } = await fail({ ...step, inputs: { ...step.inputs, checks: 'error' } })
      expect(error).toContain('Input "checks": findings are errors')
      expect(error).toContain('`# check=skip=UndefinedVar,SecretsUsedInArgOrEnv`')
      expect(failed).not.toContain('STEP 1')
    },
  )
})

describeExhaustively('BuildKit', () => {
  testUnless(reason)('finds all that is found here', async () => {
    const missed: string[] = []
    for (const { name, dockerfile, ignore, target, buildArgs = {}, found } of CHECK_CASES) {
      const folder = makeFolder('checked')
      mkdirSync(join(folder, 'logs'))
      const text = dockerfile.replaceAll('BASE', base).replaceAll('SET', configured)
      writeFileSync(join(folder, 'Dockerfile'), text)
      if (ignore !== undefined) writeFileSync(join(folder, '.dockerignore'), ignore)
      const options = [
        ...(target === undefined ? [] : ['--target', target]),
        ...Object.entries(buildArgs).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]),
      ]
      const argv = ['build', '--call=check,format=json', ...options, folder]
      const env = docker.environment('buildx') as Record<string, string>
      // With findings it ends with 1.
      const said = await run('/bin/sh', ['-c', '"$0" "$@" || true', docker.plugin, ...argv], { env })
      const theirs = rulesIn(String(said))
      missed.push(
        ...found.filter((one) => !theirs.includes(one)).map((one) => `${name}: ${one}; BuildKit: ${theirs.join(' ')}`),
      )
    }
    expect(missed).toStrictEqual([])
  })
})

interface Warning {
  readonly ruleName: string
  readonly location: { readonly ranges: readonly { readonly start: { readonly line: number } }[] }
}

/** `Rule:line` of what `--call=check,format=json` prints. */
function rulesIn(printed: string): string[] {
  const start = printed.indexOf('{')
  if (start < 0) return []
  const { warnings } = JSON.parse(printed.slice(start, printed.lastIndexOf('}') + 1)) as {
    readonly warnings: readonly Warning[] | null
  }
  return (warnings ?? []).map(({ ruleName, location }) => `${ruleName}:${location.ranges[0]?.start.line ?? 0}`)
}
