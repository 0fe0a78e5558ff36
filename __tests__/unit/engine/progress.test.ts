import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { parseDockerfile } from '../../../src/dockerfile/dockerfile.js'
import { followProgress, lineUnderWay, type Step } from '../../../src/engine/progress.js'
import { casesOfSet } from '../../harness/test-set.js'
import { runs } from '../../harness/properties.js'

/** The beginnings of lines that Buildah 1.28.2 and 1.43.2 have printed. */
const OF_1_28 = [
  '[1/3] STEP 1/3: FROM scratch AS one',
  '[1/3] STEP 2/3: COPY busybox /bin/sh',
  '--> d92d84c9c69',
  '[1/3] STEP 3/3: ENV A=1',
  '--> 116b644097d',
  '[3/3] STEP 1/4: FROM 116b644097d6413889f164dc73ff3f0bfafb9622b4cdcfc84c469e89f877da51',
  "[3/3] STEP 2/4: RUN printf 'no newline'",
  'no newline--> 28d525e7dc2',
  '[3/3] STEP 3/4: LABEL x=y',
  '--> c49e47b6fe1',
  '[3/3] STEP 4/4: LABEL "l1"="v1"',
  '[3/3] COMMIT localhost/t:1',
  '--> b7d6fa152bc',
  'Successfully tagged localhost/t:1',
  'b7d6fa152bc764f1f0041979cafded26734d40902d043db4ebc5712c0fc1eb6d',
]
const COPIED = 'cbc3dfcc9bba105fadd63ffe94f7b95b82e677f2dfe299651d8fd32f132b4ae5'
const LABELLED = '3517460c8986dca8c41dc7d4dc26c15a36301dea0c18e64a739221d79e9367a7'
const HITS_OF_1_43 = [
  'STEP 1/3: FROM scratch',
  'STEP 2/3: COPY busybox /bin/sh',
  `--> Using cache ${COPIED}`,
  `--> ${COPIED.slice(0, 12)}`,
  'STEP 3/3: LABEL "l1"="v1" "l2"="v2"',
  `--> Using cache ${LABELLED}`,
  'COMMIT localhost/t:1',
  `--> ${LABELLED.slice(0, 12)}`,
  'Successfully tagged localhost/t:1',
  LABELLED,
]

/** What is made of these lines, each of which comes a second after the one before. */
function follow(lines: readonly string[]) {
  let now = 0
  const progress = followProgress(() => now)
  for (const line of lines) {
    now += 1000
    progress.add(Buffer.from(`${line}\n`))
  }
  return progress
}

const outline = ({ stage, stages, index, of, image, hit }: Step) =>
  `${stage}/${stages} ${index}/${of ?? '-'} ${hit ? 'hit ' : ''}${image ?? '-'}`
const outlines = (lines: readonly string[]) => follow(lines).steps().map(outline)

describe('followProgress', () => {
  it('reads a build of two stages of three, with a RUN that ends without a line break', () => {
    expect(outlines(OF_1_28)).toStrictEqual([
      '0/3 0/3 -',
      '0/3 1/3 d92d84c9c69',
      '0/3 2/3 116b644097d',
      '2/3 0/4 -',
      '2/3 1/4 28d525e7dc2',
      '2/3 2/4 c49e47b6fe1',
      '2/3 3/4 b7d6fa152bc',
    ])
  })

  it('reads the whole id of a step that is taken from the cache', () => {
    expect(outlines(HITS_OF_1_43)).toStrictEqual(['0/1 0/3 -', `0/1 1/3 hit ${COPIED}`, `0/1 2/3 hit ${LABELLED}`])
  })

  it('keeps the text, and the seconds to the last line with an image', () => {
    const steps = follow(HITS_OF_1_43).steps()
    expect(steps.map(({ text, seconds }) => [text, seconds])).toStrictEqual([
      ['FROM scratch', 0],
      ['COPY busybox /bin/sh', 2],
      ['LABEL "l1"="v1" "l2"="v2"', 3],
    ])
  })

  it.each<[what: string, lines: string[], last: string]>([
    ['a step that failed', ['STEP 1/2: FROM a', 'STEP 2/2: RUN x', 'x: not found'], '0/1 1/2 -'],
    [
      'one with --iidfile',
      ['STEP 1/2: FROM a', 'STEP 2/2: RUN x', `--> Using cache ${COPIED}`],
      `0/1 1/2 hit ${COPIED}`,
    ],
    [
      'a hit that the RUN claims',
      ['STEP 1/2: FROM a', 'STEP 2/2: RUN x', `--> Using cache ${COPIED}`, '--> 0123456789ab'],
      '0/1 1/2 0123456789ab',
    ],
    [
      'images that the RUN claims',
      ['STEP 1/2: FROM a', 'STEP 2/2: RUN x', '--> 0123456789ab', '--> ba9876543210'],
      '0/1 1/2 ba9876543210',
    ],
    [
      'carriage returns',
      ['STEP 1/2: FROM a\r', 'STEP 2/2: RUN x\r', '50%\r100%\r--> 0123456789ab\r'],
      '0/1 1/2 0123456789ab',
    ],
    [
      'colours that a RUN leaves',
      ['STEP 1/2: FROM a', '\u001B[1mSTEP 2/2: RUN x\u001B[0m', '\u001B[31mred--> 0123456789ab'],
      '0/1 1/2 0123456789ab',
    ],
    [
      'other lines with arrows',
      [
        'STEP 1/2: FROM a',
        'STEP 2/2: RUN x',
        '--> 0123456789ab',
        '--> Pushing cache [x]:abc',
        '--> xyz',
        '--> 0123',
        `--> ${COPIED}0`,
      ],
      '0/1 1/2 0123456789ab',
    ],
    ['an image before any step', ['--> 0123456789ab', 'STEP 1/1: FROM a'], '0/1 0/1 -'],
    [
      'a build within the RUN',
      ['STEP 1/2: FROM a', 'STEP 2/2: RUN x', 'STEP 1/1: FROM b', '--> 0123456789ab', '--> ba9876543210'],
      '0/1 1/2 ba9876543210',
    ],
    [
      'one of two stages',
      ['STEP 1/2: FROM a', 'STEP 2/2: RUN x', '[1/2] STEP 1/2: FROM b', '[2/2] STEP 1/1: FROM b', '--> ba9876543210'],
      '0/1 1/2 ba9876543210',
    ],
    ['steps by ONBUILD', ['STEP 1/2: FROM a', 'STEP 2/4: RUN x', '--> 0123456789ab'], '0/1 1/4 0123456789ab'],
    ['a count that Buildah lost', ['STEP 1/1: FROM a', 'STEP 2: RUN x', '--> 0123456789ab'], '0/1 1/- 0123456789ab'],
    [
      'something like a step',
      ['STEP 1/2: FROM a', ' STEP 2/2: RUN x', 'STEP 2/2 RUN x', 'STEP x/2: y', '[1/1] [1/1] STEP 2/2: x'],
      '0/1 0/2 -',
    ],
  ])('reads %s', (_, lines, last) => {
    const progress = follow(lines)
    expect(progress.steps().map(outline).at(-1)).toBe(last)
    expect(progress.isDoubtful()).toBe(false)
  })

  it.each<[what: string, lines: string[]]>([
    [
      'the next step',
      [
        'STEP 1/3: FROM a',
        'STEP 2/3: RUN x',
        '--> 0123456789ab',
        'STEP 3/3: RUN y',
        '--> 0123456789ab',
        'STEP 3/3: RUN y',
        '--> ba9876543210',
      ],
    ],
    [
      'an earlier step',
      [
        'STEP 1/3: FROM a',
        'STEP 2/3: RUN x',
        '--> 0123456789ab',
        'STEP 3/3: RUN y',
        'STEP 2/3: RUN x',
        '--> 0123456789ab',
      ],
    ],
    ['a step that is far', ['STEP 1/4: FROM a', 'STEP 2/4: RUN x', 'STEP 4/4: RUN y', '--> 0123456789ab']],
    [
      'the next stage, from its last step',
      [
        '[1/2] STEP 1/2: FROM a',
        '[1/2] STEP 2/2: RUN x',
        '[2/2] STEP 1/9: FROM a',
        '--> 0123456789ab',
        '[2/2] STEP 1/2: FROM a',
      ],
    ],
    [
      'the next stage, from another step',
      [
        '[1/2] STEP 1/3: FROM a',
        '[1/2] STEP 2/3: RUN x',
        '[2/2] STEP 1/2: FROM a',
        '--> 0123456789ab',
        '[1/2] STEP 3/3: RUN y',
      ],
    ],
    [
      'stages at the same time',
      [
        '[1/2] STEP 1/2: FROM a',
        '[2/2] STEP 1/2: FROM a',
        '[1/2] STEP 2/2: RUN x',
        '[2/2] STEP 2/2: RUN x',
        '--> 0123456789ab',
        '--> ba9876543210',
      ],
    ],
  ])('trusts no image where a RUN plays %s', (_, lines) => {
    const progress = follow(lines)
    expect(progress.isDoubtful()).toBe(true)
    expect(progress.steps().map(({ image }) => image)).toStrictEqual(progress.steps().map(() => undefined))
    expect(progress.steps().length).toBeGreaterThan(1)
  })

  it('reads chunks cut anywhere', () => {
    const lines = [
      'STEP 1/3: FROM scratch',
      'STEP 2/3: RUN echo ünïcödé 🏗',
      '🏗--> 0123456789ab',
      'STEP 3/3: ENV A=ß',
      '--> ba9876543210',
    ]
    const bytes = Buffer.from(`${lines.join('\r\n')}\r\n`)
    const whole = follow(lines)
      .steps()
      .map((step) => ({ ...step, seconds: 0 }))
    expect(whole.map(({ text }) => text)).toContain('RUN echo ünïcödé 🏗')
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
        const progress = followProgress(() => 0)
        const places = [0, ...cuts.sort((a, b) => a - b), bytes.length]
        places.slice(1).forEach((end, index) => {
          progress.add(bytes.subarray(places[index], end))
        })
        expect(progress.steps()).toStrictEqual(whole)
      }),
      runs(50),
    )
  })

  // In the exhaustive set more than a string can hold.
  it.each(casesOfSet([2, 520], (mebibytes) => mebibytes === 2))(
    'keeps the beginning of a line of %d MiB, and reads on behind it',
    (mebibytes) => {
      const progress = followProgress(() => 0)
      progress.add(Buffer.from('STEP 1/2: FROM a\nSTEP 2/2: RUN '))
      const chunk = Buffer.alloc(2 ** 20, 'x')
      for (let times = 0; times < mebibytes; times++) progress.add(chunk)
      progress.add(Buffer.from('--> 0123456789ab\n--> ba9876543210\n'))
      const [, step] = progress.steps()
      expect(step?.text).toBe('RUN '.padEnd(4096 - 'STEP 2/2: '.length, 'x'))
      expect(step?.image).toBe('ba9876543210')
    },
  )

  it('never throws, and gives steps in order', () => {
    const piece = fc.constantFrom(
      '[1/2] ',
      '[2/2] ',
      'STEP ',
      '1/2',
      '2/2',
      ': ',
      '--> ',
      'Using cache ',
      COPIED,
      '\n',
      '\r',
      'x',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 200 }), (pieces) => {
        const progress = followProgress(() => 0)
        for (const text of pieces) progress.add(Buffer.from(text))
        const places = progress.steps().map(({ stage, index }) => stage * 10 + index)
        expect(places).toStrictEqual([...new Set(places)].sort((a, b) => a - b))
      }),
      runs(50),
    )
  })
})

describe('stages that Buildah puts off until others are built', () => {
  const follow = (...lines: readonly string[]) => {
    const progress = followProgress(() => 0)
    progress.add(Buffer.from(`${lines.join('\n')}\n`))
    return progress
  }
  const one = ['[1/3] STEP 1/2: FROM a AS one', '[1/3] STEP 2/2: RUN 1', '--> 11111111111']
  const two = ['[2/3] STEP 1/2: FROM one AS two', '[2/3] STEP 2/2: RUN 2', '--> 22222222222']
  const three = ['[3/3] STEP 1/2: FROM a', '[3/3] STEP 2/2: RUN 3', '--> 33333333333']

  it('are known by their own numbers', () => {
    const progress = follow(...one, ...three, ...two)
    expect(progress.isDoubtful()).toBe(false)
    const images = progress.steps().flatMap(({ stage, image }) => (image === undefined ? [] : [[stage, image]]))
    expect(images).toStrictEqual([
      [0, '11111111111'],
      [2, '33333333333'],
      [1, '22222222222'],
    ])
  })

  it('are known also where one is begun in the middle of a step', () => {
    const progress = follow(...one, ...three.slice(0, 2), ...two, '--> 33333333333')
    expect(progress.isDoubtful()).toBe(false)
    expect(progress.steps().map(({ stage, index, image }) => [stage, index, image])).toStrictEqual([
      [0, 0, undefined],
      [0, 1, '11111111111'],
      [2, 0, undefined],
      [2, 1, '33333333333'],
      [1, 0, undefined],
      [1, 1, '22222222222'],
    ])
  })

  it('are known also where all of that comes from the cache', () => {
    const hit = (id: string) => [`--> Using cache ${id.padEnd(64, '0')}`, `--> ${id}`]
    const between = [...two.slice(0, 2), ...hit('22222222222')]
    const progress = follow(...one, ...three.slice(0, 2), ...between, ...hit('33333333333'))
    const found = progress
      .steps()
      .flatMap(({ stage, image, hit: isHit }) => (isHit ? [[stage, image?.slice(0, 3)]] : []))
    expect(found).toStrictEqual([
      [2, '333'],
      [1, '222'],
    ])
  })
})

describe('lineUnderWay', () => {
  const dockerfile = parseDockerfile('ARG A\nFROM a AS one\nRUN x \\\n  y\n\nCOPY a b\nFROM b\nRUN z')
  const at = (stage: number, index: number, text: string, image?: string): Step => ({
    ...{ stage, stages: 2, index, of: 3, text, image, hit: false, seconds: 0 },
  })

  it.each<[what: string, steps: Step[], line: number | undefined]>([
    ['a RUN', [at(0, 0, 'FROM a AS one'), at(0, 1, 'RUN x   y')], 3],
    ['a COPY behind it', [at(0, 0, 'FROM a'), at(0, 1, 'RUN x   y', 'ab'), at(0, 2, 'COPY a b')], 6],
    ['a FROM', [at(0, 0, 'FROM a'), at(0, 1, 'RUN x', 'ab'), at(1, 0, 'FROM b')], 7],
    ['a step of another stage', [at(1, 0, 'FROM b'), at(1, 1, 'RUN z')], 8],
    ['nothing', [], undefined],
    ['what is over', [at(1, 0, 'FROM b'), at(1, 1, 'RUN z', 'ab')], undefined],
    ['a step that the Dockerfile hasn’t', [at(1, 0, 'FROM b'), at(1, 1, 'COPY . .')], undefined],
    ['one behind its end', [at(1, 0, 'FROM b'), at(1, 1, 'RUN z', 'ab'), at(1, 2, 'LABEL a=b')], undefined],
    ['a stage that it hasn’t', [at(5, 0, 'FROM b')], undefined],
    ['steps that are mixed up', [at(0, 0, 'FROM a'), at(0, 1, 'RUN x'), at(0, 2, 'COPY a b')], undefined],
  ])('%s', (_, steps, line) => {
    expect(lineUnderWay(steps, dockerfile, '')).toBe(line)
  })

  // As Buildah 1.23 does.
  const named = (step: string) => `error building at STEP "${step}": error while running runtime: exit status 1`
  const ended = [at(0, 0, 'FROM a AS one'), at(0, 1, 'RUN x   y', 'ab')]
  it.each<[what: string, steps: Step[], said: string, line: number | undefined]>([
    ['the step that the error names', [...ended, at(0, 2, 'COPY a b'), at(1, 0, 'FROM b')], named('COPY a b'), 6],
    ['that with the values of variables', [...ended, at(0, 2, 'COPY $A b'), at(1, 0, 'FROM b')], named('COPY a b'), 6],
    [
      'that where the next stage has gone on',
      [at(0, 0, 'FROM a AS one'), at(0, 1, 'RUN x   y'), at(1, 0, 'FROM b'), at(1, 1, 'RUN z')],
      named('RUN x   y'),
      3,
    ],
    ['none if no such step is open', [...ended, at(1, 0, 'FROM b')], named('RUN x   y'), undefined],
    ['the FROM itself', [...ended, at(1, 0, 'FROM b')], 'error creating build container', 7],
    ['the last step, whatever a step has printed', [at(0, 0, 'FROM a'), at(0, 1, 'RUN x')], named('COPY a b'), 3],
    [
      'the last one that is named',
      [...ended, at(0, 2, 'COPY a b'), at(1, 0, 'FROM b')],
      `${named('RUN z')}\n${named('COPY a b')}`,
      6,
    ],
  ])('where more has been begun, %s', (_, steps, said, line) => {
    expect(lineUnderWay(steps, dockerfile, said)).toBe(line)
  })

  describe('of stages that are built at once', () => {
    const among = (stage: number, index: number, text: string, image?: string): Step => ({
      ...{ ...at(stage, index, text, image), started: 0 },
    })
    const froms = [among(0, 0, 'FROM a AS one'), among(1, 0, 'FROM b')]

    it.each<[what: string, steps: Step[], said: string, line: number | undefined]>([
      [
        'the one that the error names',
        [...froms, among(0, 1, 'RUN x   y'), among(1, 1, 'RUN z')],
        named('RUN x   y'),
        3,
      ],
      [
        'the only one that is like it',
        [...froms, among(0, 2, 'COPY $A b'), among(1, 1, 'RUN z')],
        named('COPY a b'),
        6,
      ],
      [
        'none of two that are like it',
        [...froms, among(0, 1, 'RUN x   y'), among(1, 1, 'RUN z')],
        named('RUN $Z'),
        undefined,
      ],
      ['none of two where nothing is named', [...froms, among(0, 1, 'RUN x   y'), among(1, 1, 'RUN z')], '', undefined],
      ['the only one that is open', [...froms, among(0, 1, 'RUN x   y', 'ab'), among(1, 1, 'RUN z')], '', 8],
      [
        'none that has others behind it',
        [...froms, among(0, 1, 'RUN x   y'), among(0, 2, 'COPY a b'), among(1, 1, 'RUN z')],
        named('RUN x   y'),
        undefined,
      ],
    ])('%s', (_, steps, said, line) => {
      expect(lineUnderWay(steps, dockerfile, said)).toBe(line)
    })
  })
})
