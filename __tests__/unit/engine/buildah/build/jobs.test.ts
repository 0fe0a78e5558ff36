import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../../../src/dockerfile/dockerfile.js'
import { jobsFor } from '../../../../../src/engine/buildah/build/jobs.js'
import { withOneJobAtLast } from '../../../../../src/engine/buildah/build/one-job-at-last.js'
import type { BuildRequest, Image } from '../../../../../src/engine/engine.js'
import { CommandError } from '../../../../../src/exec.js'
import { inputsOf, logOf } from '../../../helpers.js'
import { chroot, version } from '../setup.js'

const stages = (count: number, from = 'FROM x') =>
  Array.from({ length: count }, (_, n) => `${from} AS s${n}\nRUN ${n}\n`).join('')
const joined = (count: number) => Array.from({ length: count }, (_, n) => `COPY --from=s${n} / /\n`).join('')
const six = `${stages(6)}FROM scratch\n${joined(6)}`

function request(dockerfile: string, inputs: Readonly<Record<string, string>> = {}): BuildRequest {
  const source = { context: '/w', file: '/w/Dockerfile', dockerfile: parseDockerfile(dockerfile), target: undefined }
  return {
    ...{ inputs: inputsOf(inputs), source, format: 'oci', references: [], images: [], labels: [], annotations: [] },
    ...{ cache: { read: true, write: true }, onSteps: () => undefined },
  }
}
const by = (number: string, isolation: 'chroot' | 'rootless' = 'rootless') => ({
  buildah: version(number),
  mode: { ...chroot, isolation },
})

describe('jobsFor', () => {
  it.each<[what: string, asked: BuildRequest, setup: ReturnType<typeof by>, count: number]>([
    ['four of six', request(six), by('1.28.2'), 4],
    ['all of two', request(`${stages(2)}FROM scratch\n${joined(2)}`), by('1.28.2'), 2],
    ['as many as asked', request(six, { jobs: '5' }), by('1.28.2'), 5],
    ['no more than there are', request(six, { jobs: '9' }), by('1.28.2'), 6],
    ['one where that is asked', request(six, { jobs: '1' }), by('1.45.0'), 1],
    ['one under chroot isolation below 1.39', request(six, { jobs: '5' }), by('1.38.1', 'chroot'), 1],
    ['four under chroot isolation from 1.39 on', request(six), by('1.39.0', 'chroot'), 4],
    ['one where arguments choose the isolation', request(six, { 'extra-args': '--isolation=chroot' }), by('1.38.1'), 1],
  ])('%s', (_, asked, setup, count) => {
    expect(jobsFor(asked, setup).count).toBe(count)
  })

  it('one below 1.40 where a FROM names a platform, since all stages share that', () => {
    const own = request(`${stages(2, 'FROM --platform=linux/amd64 x')}FROM scratch\n${joined(2)}`)
    expect(jobsFor(own, by('1.39.4'))).toStrictEqual({
      count: 1,
      why: expect.stringContaining('the platform of another'),
    })
    expect(jobsFor(own, by('1.40.0')).count).toBe(2)
  })

  it('one where one image is pulled for two platforms', () => {
    const image = { name: 'x', platform: undefined }
    const twice = { ...request(six), images: [image, { ...image, platform: 'linux/arm64' }] }
    expect(jobsFor(twice, by('1.45.0')).why).toContain('one image is needed for two platforms')
  })

  it('one where stages share steps, unless a number is asked for', () => {
    const twins = `FROM x AS a\nRUN a\nFROM x\nRUN a\nRUN b\nCOPY --from=a / /\n`
    expect(jobsFor(request(twins), by('1.45.0')).count).toBe(1)
    expect(jobsFor(request(twins, { jobs: '2' }), by('1.45.0')).count).toBe(2)
    expect(jobsFor(request('FROM x\nRUN a\n'), by('1.45.0'))).toStrictEqual({ count: 1, why: undefined })
  })
})

describe('withOneJobAtLast', () => {
  const disturbed =
    'STEP\nError: checking if cached image exists from a previous build: getting top layer info: layer not known\n'
  const image: Image = { id: 'sha256:1', format: 'oci', references: [] }

  /** How many jobs each of the builds had. */
  async function builds(said: string, number: string, inputs: Readonly<Record<string, string>> = {}) {
    const asked: (number | undefined)[] = []
    const build = ({ inputs: { jobs } }: BuildRequest) => {
      asked.push(jobs)
      if (asked.length === 1) return Promise.reject(new CommandError(['buildah'], 125, said))
      return Promise.resolve(image)
    }
    await logOf(() => withOneJobAtLast(build, request(six, inputs), by(number)).catch(() => undefined))
    return asked
  }

  it('builds once more with one job where stages have disturbed one another', async () => {
    expect(await builds(disturbed, '1.43.2')).toStrictEqual([undefined, 1])
  })

  it.each<[what: string, said: string, number: string, inputs: Record<string, string>]>([
    ['from 1.44 on', disturbed, '1.44.0', {}],
    ['with one job', disturbed, '1.43.2', { jobs: '1' }],
    ['another error', 'Error: exit status 1\n', '1.43.2', {}],
    ['what only a step has said', `${disturbed}Error: exit status 1\n`, '1.43.2', {}],
  ])('does not, %s', async (_, said, number, inputs) => {
    expect(await builds(said, number, inputs)).toHaveLength(1)
  })
})
