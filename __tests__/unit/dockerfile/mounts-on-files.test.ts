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
  [['ARG D=/data', 'COPY a /data/a', cache('$D')], '4 /data'],
  [['ENV D=/data', 'COPY a $D/a', cache('/data')], '4 /data'],
  [['ENV D=/data', 'RUN mkdir ${D}/a', cache('$D/a')], '4 /data/a'],
  [['ENV D=/data', 'WORKDIR $D/a', cache('.')], '4 /data/a'],
  [['ARG M=type=cache,target=/tmp', 'RUN --mount=$M make'], '3 /tmp'],
  [[cache('$X')], '2 $X'],
  [[cache('${X:-/data}')], '2 ${X:-/data}'],
  [[cache('$X/tmp')], '2 $X/tmp'],
  [['COPY a $X/data', cache('$X/data')], '3 $X/data'],
  [['COPY a $X/data/a', cache('/srv/data')], '3 /srv/data'],
  [['RUN mkdir -p "$X/data"', cache('/srv/data')], '3 /srv/data'],
  [['RUN mkdir -p /srv/data', cache('$X/data')], '3 $X/data'],
  [['WORKDIR $X/a', 'COPY a b/c', cache('b')], '4 b'],
  [['COPY a data/', cache('/data')], '3 /data'],
  [[cache('$X/../a')], '2 $X/../a'],
])('%j', (lines, found) => {
  expect(foundIn('FROM a', ...lines)).toStrictEqual([found])
})

it.each([
  [['WORKDIR /src', 'COPY . .', cache('/src/node_modules')]],
  [['COPY a /data/', 'FROM a', cache('/data')]],
  [[cache('/cache'), cache('/cache')]],
  [['RUN mkdir /database /other/data', cache('/data')]],
  [['ENV D=/a', 'COPY a $D/a', cache('/data')]],
  [['COPY a $X', cache('/data')]],
  [['WORKDIR $X/a', 'RUN echo $(date) ${V:-1} $X', cache('$X/b')]],
  [['ENV HOME=/root', cache('$HOME/.cache/pip'), cache('$GOPATH/pkg/mod')]],
  [['ARG T=secret', 'RUN --mount=type=$T,target=/tmp make']],
  [['RUN echo >/run/secrets/a', 'RUN --mount=type=secret,id=a,target=/run/secrets/a make']],
])('none in %j', (lines) => {
  expect(foundIn('FROM a', ...lines)).toStrictEqual([])
})
