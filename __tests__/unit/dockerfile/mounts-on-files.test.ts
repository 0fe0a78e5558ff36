import { expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../src/dockerfile/dockerfile.js'
import { mountsOnFiles } from '../../../src/dockerfile/mounts-on-files.js'
import { analysisOf } from '../../../src/source/analysis.js'
import { inputsOf } from '../helpers.js'

const foundIn = (...lines: string[]) =>
  mountsOnFiles(analysisOf(inputsOf({}), parseDockerfile(lines.join('\n')), undefined)).map(
    ({ line, target }) => `${line} ${target}`,
  )

const cache = (target: string) => `RUN --mount=type=cache,target=${target} make`

it.each([
  [['WORKDIR /src', 'COPY . .', cache('/src')], '4 /src'],
  [['WORKDIR /src', cache('.')], '3 /src'],
  [['COPY a b /data/', cache('/data')], '3 /data'],
  [['ADD ["a", "/data/a"]', cache('/data')], '3 /data'],
  [['RUN mkdir -p /data/a', cache('/data')], '3 /data'],
  [['WORKDIR /src', cache('deep'), 'COPY a deep/a', cache('deep')], '5 /src/deep'],
  [['RUN --mount=dst=/tmp make'], '2 /tmp'],
  [['RUN --mount=type=tmpfs,destination=/var make'], '2 /var'],
  [['COPY a /a', 'FROM 0', cache('/a')], '4 /a'],
])('%j', (lines, found) => {
  expect(foundIn('FROM a', ...lines)).toStrictEqual([found])
})

it.each([
  [['WORKDIR /src', 'COPY . .', cache('/src/node_modules')]],
  [['COPY a /data/', 'FROM a', cache('/data')]],
  [[cache('/cache'), cache('/cache')]],
  [['RUN mkdir /database /other/data', cache('/data')]],
  [['COPY a $X/data', cache('$X')]],
  [['RUN echo >/run/secrets/a', 'RUN --mount=type=secret,id=a,target=/run/secrets/a make']],
])('none in %j', (lines) => {
  expect(foundIn('FROM a', ...lines)).toStrictEqual([])
})
