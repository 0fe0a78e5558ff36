import { execFileSync } from 'node:child_process'
import { chmodSync, linkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, jest, test } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { describeEngines } from '../harness/describe-engines.js'
import { makeWorkspace } from '../harness/folders.js'
import type { StepOptions } from '../harness/runner.js'
import { expectBuilt, expectSkipped, skipJob, watchSkip } from '../harness/skip-steps.js'
import { describeExhaustively, exhaustively } from '../harness/test-set.js'
import { useWarmPlace } from '../harness/use-warm-place.js'
import { countHits, type JobOptions } from '../harness/warm-steps.js'

jest.setTimeout(240_000)

const place = await useWarmPlace()

/** What a checkout may have beside plain files, as it is at first. */
const checkOut = (): string => {
  const lines = [`FROM ${place.base}`, 'COPY l/f /linked', 'COPY src /src', 'RUN echo $no_proxy > /proxy']
  const files = {
    Dockerfile: `${lines.join('\n')}\n`,
    '.dockerignore': 'hidden\n  /src/blank\npart\n!part/kept\n',
    'hidden/f': '1',
    'part/kept': '1',
    'part/other': '1',
    'src/a': '1',
    'src/b': '1',
    'src/blank': '1',
  }
  const folder = makeWorkspace(files, accountFor('user'))
  symlinkSync('hidden', join(folder, 'l'))
  return folder
}

function job(name: string, change: (folder: string) => void = () => undefined, options: JobOptions = {}): StepOptions {
  const workspace = checkOut()
  change(workspace)
  return { ...skipJob(place, name, [], options), workspace }
}

interface Case {
  readonly what: string
  readonly change?: (folder: string) => void
  readonly options?: JobOptions
}

const proxy = (value: string): JobOptions => ({ env: { no_proxy: value } })

describeExhaustively('must build', () => {
  const cases: readonly (Case & { readonly why: string })[] = [
    {
      what: 'a file behind a link to a folder that is left out',
      change: (at) => {
        writeFileSync(join(at, 'hidden/f'), '2')
      },
      why: 'no; changed since the build of .*: context',
    },
    {
      what: 'a file that became a hard link of another',
      change: (at) => {
        rmSync(join(at, 'src/b'))
        linkSync(join(at, 'src/a'), join(at, 'src/b'))
      },
      why: 'no; changed since the build of .*: context',
    },
    {
      what: 'an extended attribute',
      change: (at) => {
        execFileSync('python3', ['-c', 'import os, sys; os.setxattr(sys.argv[1], "user.x", b"1")', join(at, 'src/a')])
      },
      why: 'not checked; "src/a" has extended attributes',
    },
    { what: 'a proxy', options: proxy('elsewhere'), why: 'no; changed since the build of .*: surroundings' },
  ]

  test.each(cases)('$what', async ({ what, change, options, why }) => {
    const name = what.replaceAll(' ', '-')
    expectBuilt(await watchSkip(place, job(name)))
    expectBuilt(await watchSkip(place, job(name, change, options)), new RegExp(`^Unchanged: ${why}`, 'm'))
  })
})

/** Ways to copy, of which none takes anything that was not read. */
const shapes: readonly string[] = [
  'COPY . /all',
  'COPY src/* other /flat/',
  'COPY l /link',
  'ADD pack.tar.gz /unpacked/',
  'COPY ["src/a", "/renamed"]',
  'COPY --chown=1:1 src /owned/',
  'COPY $WHAT /variable/',
]

describeEngines('with $name', ({ testOne, ...engine }) => {
  testOne('what was copied is held against what was read, and steps of the cache count as well', async () => {
    const workspace = makeWorkspace(
      { 'src/a': '1', 'src/b/c': '22', other: '333', '.dockerignore': 'Dockerfile\n' },
      accountFor('user'),
    )
    linkSync(join(workspace, 'src/a'), join(workspace, 'src/hard'))
    symlinkSync('src/a', join(workspace, 'l'))
    symlinkSync('nowhere', join(workspace, 'src/b/broken'))
    execFileSync('tar', [
      '--create',
      '--gzip',
      '--file',
      join(workspace, 'pack.tar.gz'),
      '--directory',
      '/etc',
      'hosts',
    ])
    const write = (...more: readonly string[]) => {
      const lines = [`FROM ${place.base} AS Made`, 'ARG WHAT=src/b', ...shapes, ...more]
      // The image that is called so is in no registry here.
      const last = [`FROM ${place.base}`, 'COPY --from=made /flat /flat', 'COPY src/b/c /c']
      writeFileSync(join(workspace, 'Dockerfile'), `${[...lines, ...last].join('\n')}\n`)
    }
    const { inputs, ...wish } = engine.wish()
    const step = { ...skipJob(place, `shapes-${engine.version}`, [], { ...wish, inputs }), workspace }
    write()
    const cold = await watchSkip(place, step)
    expectBuilt(cold)
    expect(cold.log).not.toContain('no build record saved')
    expectSkipped(await watchSkip(place, step), cold)
    write('RUN true')
    const warm = await watchSkip(place, step)
    expectBuilt(warm)
    expect(countHits(warm)).toBeGreaterThanOrEqual(shapes.length)
    expect(warm.log).not.toContain('no build record saved')
    expectSkipped(await watchSkip(place, step), warm)
  })
})

exhaustively(test)('a build whose layers can’t be listed is not remembered', async () => {
  const step = job('without-layers', undefined, { inputs: { 'extra-args': '--layers=false' } })
  const built = await watchSkip(place, step)
  expectBuilt(built, /^Unchanged: no build record saved; can't list the files that COPY in line 2 added$/m)
  expectBuilt(await watchSkip(place, step), /there is no build record yet$/m)
})

describeExhaustively('must not build', () => {
  const cases: readonly Case[] = [
    {
      what: 'what a pattern with a blank in front leaves out',
      change: (at) => {
        writeFileSync(join(at, 'src/blank'), '2')
      },
    },
    {
      what: 'the mode of a folder that is left out',
      change: (at) => {
        chmodSync(join(at, 'hidden'), 0o700)
        chmodSync(join(at, 'part'), 0o700)
      },
    },
  ]

  test.each(cases)('$what', async ({ what, change }) => {
    const name = what.replaceAll(' ', '-')
    const cold = await watchSkip(place, job(name))
    expectSkipped(await watchSkip(place, job(name, change)), cold)
  })
})
