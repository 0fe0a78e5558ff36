import { expect, it } from '@jest/globals'
import { scanExtras } from '../../../src/dockerfile/scan-extras.js'
import { analysisOf } from '../helpers.js'

const [STAGE, CONTEXT] = ['BUILDKIT_SBOM_SCAN_STAGE', 'BUILDKIT_SBOM_SCAN_CONTEXT']
const copy = (...froms: string[]) => ['FROM scratch', ...froms.map((from) => `COPY --from=${from} /a /`)]

// What BuildKit 0.34.2 makes of the same (dockerfile2llb/convert.go).
it.each<[what: string, lines: string[], args: Record<string, string>, expected: [context: boolean, stages: string[]]]>([
  ['nothing', ['FROM x AS a', ...copy('a')], {}, [false, []]],
  ['an argument that nobody declares', ['FROM x AS a', ...copy('a')], { [STAGE]: 'true' }, [false, []]],
  ['a stage that says so', ['FROM x AS A', `ARG ${STAGE}=true`, 'FROM x', ...copy('A', '1')], {}, [false, ['a']]],
  [
    'every stage that is needed',
    [`ARG ${STAGE}=1`, 'FROM x', 'FROM y', 'FROM z AS c', ...copy('0', 'c')],
    {},
    [false, ['stage-0', 'c']],
  ],
  [
    'those of a list',
    [`ARG ${STAGE}=b,stage-0`, 'FROM x', 'FROM x AS b', 'FROM x AS c', ...copy('0', 'b', 'c')],
    {},
    [false, ['stage-0', 'b']],
  ],
  [
    'all but one',
    [`ARG ${STAGE}=true`, 'FROM x AS a', 'FROM x AS b', `ARG ${STAGE}=false`, ...copy('a', 'b')],
    {},
    [false, ['a']],
  ],
  [
    'a stage that is not asked on the command line',
    ['FROM x AS a', `ARG ${STAGE}=true`, ...copy('a')],
    { [STAGE]: 'b' },
    [false, []],
  ],
  [
    'one that stands on such a stage',
    ['FROM x AS a', `ARG ${STAGE}=true`, 'FROM a AS b', 'RUN c', ...copy('b')],
    {},
    [false, ['a', 'b']],
  ],
  ['a value of an argument', ['ARG S=true', 'FROM x AS a', `ARG ${STAGE}=$S`, ...copy('a')], {}, [false, ['a']]],
  [
    'a value from before the first FROM',
    [`ARG ${STAGE}=true`, 'FROM x AS a', `ARG ${STAGE}`, ...copy('a')],
    {},
    [false, ['a']],
  ],
  ['the target', ['FROM x AS a', `ARG ${STAGE}=true`], {}, [false, []]],
  ['the context', ['FROM x AS a', 'FROM x', `ARG ${CONTEXT}=true`, ...['COPY a b']], {}, [true, []]],
  [
    'the context, by a stage that is not the target',
    ['FROM x AS a', `ARG ${CONTEXT}=true`, ...copy('a')],
    {},
    [false, []],
  ],
  ['the context, for every target', [`ARG ${CONTEXT}`, 'FROM x', 'COPY a b'], { [CONTEXT]: 'TRUE' }, [true, []]],
])('%s', (_, lines, args, [context, stages]) => {
  const analysis = analysisOf(lines.join('\n'), { buildArgs: args })
  const found = scanExtras(analysis, analysis.stages.length - 1)
  expect(found.context).toBe(context)
  expect(found.stages.map(({ name }) => name)).toStrictEqual(stages)
})
