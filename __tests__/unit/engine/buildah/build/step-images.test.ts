import { createHash } from 'node:crypto'

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'

import type { HistoryEntry } from '../../../../../src/engine/buildah/build/image-histories.js'
import { followStages } from '../../../../../src/engine/buildah/build/stage-progress.js'
import { imagesIn, stepsWithImages } from '../../../../../src/engine/buildah/build/step-images.js'
import { runs } from '../../../../harness/properties.js'

/** An image that a build has made: its id, and what it is made of. */
const made = new Map<string, readonly HistoryEntry[]>()
let counted = 0

/** Makes an image of one step more. */
function on(below: string | undefined, createdBy: string): string {
  const base = below === undefined ? [] : (made.get(below) ?? [])
  counted += 1
  const history = [...base, { createdBy, text: `${createdBy} at ${counted}` }]
  const id = createHash('sha256').update(JSON.stringify(history)).digest('hex')
  made.set(id, history)
  return id
}

const run = (command: string) => `/bin/sh -c ${command}`
const short = (id: string) => `--> ${id.slice(0, 12)}`
const hit = (id: string) => [`--> Using cache ${id}`, short(id)]

/** What is made of these lines, each of which comes a second after the one before. */
function read(lines: readonly string[], isOver = true) {
  let now = 0
  const progress = followStages(() => now)
  for (const line of lines) {
    progress.add(Buffer.from(`${line}\n`))
    now += 1000
  }
  return { progress, steps: stepsWithImages(progress, made, isOver) }
}

const imagesOf = (lines: readonly string[], isOver = true) =>
  read(lines, isOver).steps.flatMap(({ stage, index, image }) => (index === 0 ? [] : [[stage, index, image]]))

const base = on(undefined, run('#(nop) COPY file:0 in /bin/sh '))

describe('stages that Buildah builds at once', () => {
  // As 1.28.2 to 1.45.0 print them.
  const a = on(base, run('echo a; sleep 1'))
  const a2 = on(a, run('echo a2'))
  const b = on(base, run('echo b'))
  const b2 = on(b, run('#(nop) ENV X=1'))
  const own = on(base, run('echo own'))
  const copied = on(own, run('#(nop) COPY file:1 in /a '))
  const lines = [
    '[1/3] STEP 1/3: FROM busybox AS a',
    `[2/3] STEP 1/3: FROM ${base} AS b`,
    '[3/3] STEP 1/3: FROM busybox',
    '[3/3] STEP 2/3: RUN echo own',
    '[1/3] STEP 2/3: RUN echo a; sleep 1',
    '[2/3] STEP 2/3: RUN echo b',
    `no newline${short(own)}`,
    'a[3/3] STEP 3/3: COPY --from=a /a /a',
    short(b),
    short(a),
    '[2/3] STEP 3/3: ENV X=1',
    '[1/3] STEP 3/3: RUN echo a2',
    short(b2),
    short(a2),
    '[3/3] COMMIT localhost/t:1',
    short(copied),
  ]

  it('are read by what their images are made of', () => {
    expect(imagesOf(lines)).toStrictEqual([
      [0, 1, a],
      [0, 2, a2],
      [1, 1, b],
      [1, 2, b2],
      [2, 1, own],
      [2, 2, copied],
    ])
  })

  it('have the seconds of each step, without those that it waits for another stage', () => {
    const times = read(lines).steps.map(({ stage, index, started, seconds }) => [stage, index, started, seconds])
    expect(times).toStrictEqual([
      [0, 0, 0, 0],
      [0, 1, 4, 5],
      [0, 2, 11, 2],
      [1, 0, 1, 0],
      [1, 1, 5, 3],
      [1, 2, 10, 2],
      [2, 0, 2, 0],
      [2, 1, 3, 3],
      [2, 2, 13, 2],
    ])
  })

  it('are known also where all of it comes from the cache', () => {
    const [froms, runs] = [lines.slice(0, 3), [lines[3], lines[4], lines[5]] as string[]]
    const { steps } = read([...froms, ...runs, ...hit(b), ...hit(own), ...hit(a)])
    expect(steps.filter(({ index }) => index > 0).map((step) => [step.stage, step.image, step.hit])).toStrictEqual([
      [0, a, true],
      [1, b, true],
      [2, own, true],
    ])
  })

  it('name the images whose histories are needed', () => {
    expect(imagesIn(read(lines).progress)).toContain(base)
    expect(imagesIn(read(lines).progress)).toContain(a.slice(0, 12))
  })

  const froms = ['[1/2] STEP 1/2: FROM busybox AS a', '[2/2] STEP 1/2: FROM busybox']
  it('have no image where two fit, unless one is of another stage for sure', () => {
    // Of COPY only the digest tells what it copied.
    const [x, y] = [on(base, run('#(nop) COPY file:2 in / ')), on(base, run('#(nop) COPY file:3 in / '))]
    const starts = [...froms, '[1/2] STEP 2/2: COPY a /', '[2/2] STEP 2/2: COPY b /']
    expect(imagesOf([...starts, short(x), short(y)]).map(([, , image]) => image)).toStrictEqual([undefined, undefined])
    const [first, second, third, fourth] = starts
    const apart = [first, second, third, short(x), fourth, short(y)].map(String)
    expect(imagesOf(apart).map(([, , image]) => image)).toStrictEqual([x, y])
  })

  it('of a build that failed have no image that can be of another stage', () => {
    const [x, y] = [on(base, run('#(nop) COPY file:4 in / ')), on(base, run('y'))]
    const starts = [...froms, '[1/2] STEP 2/2: COPY a /', '[2/2] STEP 2/2: COPY b /']
    expect(imagesOf([...starts, short(x)], false).map(([, , image]) => image)).toStrictEqual([undefined, undefined])
    const other = [...froms, '[1/2] STEP 2/2: COPY a /', '[2/2] STEP 2/2: RUN y', short(y)]
    expect(imagesOf(other, false).map(([, , image]) => image)).toStrictEqual([undefined, y])
  })

  it('have each an image where they are the same', () => {
    const [x, y] = [on(base, run('same')), on(base, run('same'))]
    const found = imagesOf([...froms, '[1/2] STEP 2/2: RUN same', '[2/2] STEP 2/2: RUN same', short(x), short(y)])
    expect(found.map(([, , image]) => image).sort()).toStrictEqual([x, y].sort())
  })

  it('are no hits where one of the same stages takes what the other has just made', () => {
    const x = on(base, run('same'))
    const starts = [...froms, '[1/2] STEP 2/2: RUN same', '[2/2] STEP 2/2: RUN same']
    const hitsOf = (lines: readonly string[]) =>
      read(lines).steps.flatMap((step) => (step.image === x ? [step.hit] : []))
    expect(hitsOf([...starts, short(x), ...hit(x)])).toStrictEqual([false, false])
    expect(hitsOf([...starts, ...hit(x), ...hit(x)])).toStrictEqual([true, true])
    const y = on(base, run('same'))
    const all = read([...starts, ...hit(x), short(y)]).steps
    expect(all.map((step) => [step.image !== undefined, step.hit])).toStrictEqual([
      [false, false],
      [true, false],
      [false, false],
      [true, false],
    ])
  })

  it('have none where a RUN plays the next step of a stage', () => {
    const x = on(base, run('x'))
    const { progress, steps } = read([
      ...['[1/2] STEP 1/3: FROM busybox AS a', '[1/2] STEP 2/3: RUN x', '[2/2] STEP 1/2: FROM busybox'],
      ...['[1/2] STEP 3/3: RUN y', short(x), '[1/2] STEP 3/3: RUN y'],
    ])
    expect([...progress.doubtful()]).toStrictEqual([0])
    expect(steps.map(({ image }) => image)).toStrictEqual(steps.map(() => undefined))
  })

  it('have no image that has one step more, of a stage whose lines are in doubt', () => {
    const x = on(base, run('x'))
    const longer = on(on(base, run('y')), run('x'))
    const lines = [
      ...[`[1/2] STEP 1/2: FROM ${base} AS a`, `[2/2] STEP 1/3: FROM ${base}`, '[1/2] STEP 2/2: RUN x'],
      ...['[2/2] STEP 2/3: RUN y', '[2/2] STEP 3/3: RUN x', '[2/2] STEP 3/3: RUN x', short(longer), short(x)],
    ]
    expect(imagesOf(lines)).toStrictEqual([
      [0, 1, x],
      [1, 1, undefined],
      [1, 2, undefined],
    ])
  })

  it('pass over the lines of another build, and a flood of images', () => {
    const x = on(base, run('x'))
    const other = ['[1/9] STEP 1/3: FROM x', '[7/2] STEP 1/2: FROM x', 'STEP 2/2: RUN y']
    const { steps, progress } = read([...froms, '[1/2] STEP 2/2: RUN x', ...other, short(x)])
    expect(steps.map(({ image }) => image)).toStrictEqual([undefined, x, undefined])
    const flood = Array.from({ length: 10_001 }, (_, n) => `--> ${n.toString(16).padStart(12, '0')}`)
    expect([...progress.doubtful()]).toStrictEqual([])
    expect([...read([...froms, ...flood]).progress.doubtful()]).toStrictEqual([0, 1])
  })

  it('never have a wrong image, whatever the order of the lines and whatever a RUN prints', () => {
    const kinds = fc.constantFrom('RUN make', 'RUN test', 'COPY a /', 'COPY b /', 'ENV A=1')
    const scene = fc.record({
      stages: fc.array(fc.array(kinds, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 4 }),
      order: fc.array(fc.nat(3), { maxLength: 60 }),
      lies: fc.array(fc.nat(30), { maxLength: 6 }),
      cut: fc.option(fc.nat(30)),
      isHit: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
    })
    let [known, all] = [0, 0]
    fc.assert(
      fc.property(scene, ({ stages, order, lies, cut, isHit }) => {
        const older = stages.flat().map((text) => on(base, createdBy(text)))
        const truth = stages.map((texts) => {
          let below = base
          return texts.map((text) => (below = on(below, createdBy(text))))
        })
        const scripts = stages.map((texts, stage) => [
          `[${stage + 1}/${stages.length}] STEP 1/${texts.length + 1}: FROM busybox AS s${stage}`,
          ...texts.flatMap((text, place) => {
            const id = truth[stage]?.[place] ?? ''
            const begin = `[${stage + 1}/${stages.length}] STEP ${place + 2}/${texts.length + 1}: ${text}`
            return [begin, ...(isHit[(stage + place) % 5] === true ? hit(id) : [short(id)])]
          }),
        ])
        const lines: string[] = []
        for (const turn of [...order, ...scripts.flatMap((script, stage) => script.map(() => stage))]) {
          const line = scripts[turn % scripts.length]?.shift()
          if (line !== undefined) lines.push(line)
        }
        const everything = [...older, ...truth.flat()]
        // Where a step doesn't end, it may name an older image of itself.
        for (const lie of cut === null ? lies : [])
          lines.splice(1 + (lie % lines.length), 0, short(everything[lie % everything.length] ?? ''))
        // A build that fails ends somewhere, and what is under way then has no image.
        const shown = cut === null ? lines : lines.slice(0, 1 + (cut % lines.length))
        for (const { stage, index, image, hit: isTaken } of read(shown, cut === null).steps) {
          if (index === 0) continue
          if (isTaken) expect(isHit[(stage + index - 1) % 5]).toBe(true)
          all += 1
          if (image === undefined) continue
          known += 1
          // Of steps that are the same, one has the image of the other.
          const twins = stages.flatMap((texts, other) =>
            texts.slice(0, index).join() === stages[stage]?.slice(0, index).join() ? [truth[other]?.[index - 1]] : [],
          )
          expect(twins).toContain(image)
        }
      }),
      runs(300),
    )
    expect(known / all).toBeGreaterThan(0.7)
  })
})

function createdBy(text: string): string {
  if (text.startsWith('RUN ')) return run(text.slice(4))
  return run(text.startsWith('COPY ') ? `#(nop) COPY file:${counted} in / ` : `#(nop) ${text}`)
}
