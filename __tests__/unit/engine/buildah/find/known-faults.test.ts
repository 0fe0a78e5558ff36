import { describe, expect, it } from '@jest/globals'
import { parseDockerfile, targetIndex } from '../../../../../src/dockerfile/dockerfile.js'
import { KNOWN_WRONG } from '../../../../../src/dockerfile/known-wrong.js'
import { losesVolumes, toldFaults } from '../../../../../src/engine/buildah/find/known-faults.js'
import { refusedFaults } from '../../../../../src/engine/buildah/find/refused-faults.js'
import { formatPlatform, nativePlatform } from '../../../../../src/lib/platform.js'
import { targetPlatform } from '../../../../../src/runner/platform-inputs.js'
import { analysisOf } from '../../../../../src/source/analysis.js'
import { inputsOf } from '../../../helpers.js'

const factsOf = (lines: readonly string[], given: Readonly<Record<string, string>> = {}) => {
  const inputs = inputsOf(given)
  const dockerfile = parseDockerfile(lines.join('\n'))
  return {
    analysis: analysisOf(inputs, dockerfile, undefined),
    platform: targetPlatform(inputs),
    target: targetIndex(dockerfile, inputs.target),
  }
}

/** What is refused, without the reasons. */
const refusedIn = (lines: readonly string[], buildArgs = '') =>
  refusedFaults(factsOf(lines, { 'build-args': buildArgs })).map(({ what }) =>
    what.replace(/ \(in (?:older|all) versions, .*\)$/, ''),
  )

const warnedOf = (lines: readonly string[], volumes: Readonly<Record<string, string[]>> = {}) =>
  toldFaults('1.28.2', {
    ...factsOf(lines),
    layout: 'vfs-rootless',
    volumes: new Map(Object.entries(volumes)),
  }).warnings.map((text) => text.split(': with Buildah')[0])

describe('ADD of a Git repository', () => {
  it.each([
    'ADD http://host/r.git#main /src',
    'ADD https://host/r.git /src',
    'ADD --chown=1:1 ["https://host/a/r.git#v1:sub", "/src"]',
    'add https://host/file.txt https://host/r.git#${REF} /src/',
  ])('%s', (step) => {
    expect(refusedFaults(factsOf(['FROM a', step]))).toStrictEqual([
      {
        what: 'Dockerfile line 2: ADD of a Git repository (in older versions, it adds the web page at that address)',
        since: '1.38.0',
      },
    ])
  })

  it.each([
    'ADD https://host/r.git.tar.gz /src',
    'ADD https://host/r?x=.gitlab /src',
    'ADD r.git /src',
    'COPY r.git#main /src',
    'RUN git clone https://host/r.git',
    'ADD file https://host/r.git',
    'ONBUILD ADD https://host/r.git /src',
  ])('not %s', (step) => {
    expect(refusedIn(['FROM a', step])).toStrictEqual([])
  })
})

describe('a heredoc of RUN that the builder reads', () => {
  it.each([
    'RUN <<EOF\nV=1\necho $V\nEOF',
    'RUN <<-EOF\n\techo ${1}\nEOF',
    'RUN --network=none sh <<EOF\necho $$\nEOF',
    "RUN <<EOF\n# don't\nEOF",
    'RUN <<"A" cat <<B\n$V\nA\nB',
  ])('%j', (step) => {
    const [what = ''] = refusedIn(['FROM a', step])
    expect(what).toBe(`Dockerfile line 2: ${KNOWN_WRONG.heredocVariable.what}`)
  })

  it.each([
    'RUN <<"EOF"\necho $V\nEOF',
    "RUN <<'EOF'\necho $V\nEOF",
    'RUN <<EOF\necho "a" \'b\' $(date)\nEOF',
    'RUN echo $V',
    'RUN cat "$V" <<EOF\ntext\nEOF',
    'COPY <<EOF /f\n$V\nEOF',
  ])('not %j', (step) => {
    expect(refusedIn(['FROM a', step])).toStrictEqual([])
  })
})

describe('another value for a platform', () => {
  it('is refused by newer releases, with what to write', () => {
    const facts = factsOf([
      'ARG BUILDPLATFORM=linux/s390x',
      'FROM a',
      'ARG TARGETPLATFORM=${X}',
      'ARG TARGETARCH=amd64',
    ])
    const what = (line: number, name: string) =>
      `Dockerfile line ${line}: ARG with another value for TARGETPLATFORM or BUILDPLATFORM, ${name} (in newer versions, the build fails)`
    const releases = { since: '1.23.0', below: '1.33.8', remedy: KNOWN_WRONG.otherPlatformDefault.remedy }
    expect(refusedFaults(facts)).toStrictEqual([
      { what: what(1, 'BUILDPLATFORM'), ...releases },
      { what: what(3, 'TARGETPLATFORM'), ...releases },
    ])
  })
})

describe('an ARG of the stage in FROM', () => {
  const base = ['FROM a AS base', 'ARG X=1', 'RUN echo $X']
  const child = ['FROM base', 'RUN echo $X']

  it.each<[what: string, lines: string[], buildArgs: string]>([
    ['with a default', [...base, ...child], ''],
    ['that is given', ['FROM a AS base', 'ARG X', 'RUN :', ...child], 'X=1'],
    ['that is given by the environment', ['FROM a AS base', 'ARG X', 'RUN :', ...child], 'X'],
    ['with the default of the heading', ['ARG X=1', 'FROM a AS base', 'ARG X', ...child], ''],
    ['of the stage before the last', ['FROM a AS base', 'ARG X=1', 'FROM base AS mid', 'FROM mid', 'RUN echo $X'], ''],
    ['named by another case', ['FROM a AS Base', 'ARG X=1', 'RUN :', ...child], ''],
    ['by the number of its stage', ['FROM a', 'ARG X=1', 'RUN :', 'FROM 0', 'ENV Y=${X:-2}'], ''],
    ['by a variable', ['ARG B=base', ...base, 'FROM $B', 'LABEL y="$X"'], ''],
    ['in a flag', [...base, 'FROM base', 'COPY --chown=$X f /'], ''],
    ['in a default', [...base, 'FROM base', 'ARG Y=$X'], ''],
    ['before it is declared again', [...base, ...child, 'ARG X=2', 'RUN echo $X'], ''],
  ])('%s', (_, lines, buildArgs) => {
    const line = lines.findLastIndex((text) => /^FROM/.test(text)) + 2
    expect(refusedIn(lines, buildArgs)).toStrictEqual([`Dockerfile line ${line}: an ARG of the stage in FROM, X`])
  })

  describe('with a default that an engine has to read', () => {
    const ofKind = (declared: readonly string[], buildArgs = '') =>
      refusedFaults(
        factsOf(['ARG G=1', 'FROM a AS base', ...declared, 'FROM base', 'RUN echo $X'], { 'build-args': buildArgs }),
      ).map(({ since }) => since)

    it.each<[what: string, declared: string[], buildArgs: string]>([
      ['in quotes', ['ARG X="1.2"'], ''],
      ['with an escape', ['ARG X=a\\ b'], ''],
      ['of another argument', ['ARG V=1', 'ARG X=v$V'], ''],
      ['of one that has such a default itself', ['ARG U=1', 'ARG V="$U"', 'ARG X=v${V}'], ''],
    ])('%s needs a newer release', (_, declared, buildArgs) => {
      expect(ofKind(declared, buildArgs)).toStrictEqual(['1.41.0', '1.45.0'])
    })

    it.each<[what: string, declared: string[], buildArgs: string]>([
      ['is given', ['ARG V=1', 'ARG X=v$V'], 'V=2'],
      ['has its value from the heading', ['ARG G', 'ARG X=v$G'], ''],
      ['is in the heading alone', ['ARG X=v$G'], ''],
      ['is set by ENV', ['ARG V=1', 'ENV V=2', 'ARG X=v$V'], ''],
      ['is made of one that is given', ['ARG U=1', 'ARG V=$U', 'ARG X=v$V'], 'U=2'],
    ])('is built by no release where a variable in it %s', (_, declared, buildArgs) => {
      expect(ofKind(declared, buildArgs)).toStrictEqual(['1.41.0', undefined])
    })

    it('is of no interest where a value is given', () => {
      expect(ofKind(['ARG X="$G"'], 'X=1')).toStrictEqual(['1.41.0'])
    })

    it('is told with what to write', () => {
      const facts = factsOf(['FROM a AS base', 'ARG X=$Y', 'FROM base', 'RUN echo $X'])
      const { what, wrong, remedy } = KNOWN_WRONG.inheritedVariable
      expect(refusedFaults(facts)[1]).toStrictEqual({
        what: `Dockerfile line 4: ${what}, X (in all versions, ${wrong})`,
        since: undefined,
        remedy,
      })
    })
  })

  it('is one that the engine declares by itself', () => {
    const lines = ['FROM a AS base', 'ARG TARGETOS', 'FROM base', 'RUN echo $TARGETOS']
    expect(refusedIn(lines)).toStrictEqual(['Dockerfile line 4: an ARG of the stage in FROM, TARGETOS'])
  })

  it.each<[what: string, lines: string[]]>([
    ['without a value', ['FROM a AS base', 'ARG X', ...child]],
    ['declared again', [...base, 'FROM base', 'ARG X', 'RUN echo $X']],
    ['of another stage', [...base, 'FROM a', 'RUN echo $X']],
    ['also in the environment', ['FROM a AS base', 'ARG X=1', 'ENV X=$X', ...child]],
    ['also in the environment, as ENV was once written', ['FROM a AS base', 'ARG X=1', 'ENV X $X', ...child]],
    ['in the environment before it is used', [...base, 'FROM base', 'ENV X=2', 'RUN echo $X']],
    ['that nobody uses', [...base, 'FROM base', 'RUN echo X']],
    ['that is escaped', [...base, 'FROM base', 'RUN echo \\$X']],
    ['that the shell sets', [...base, 'FROM base', 'RUN X=2; echo $X', 'RUN for X in 1 2; do echo $X; done']],
    ['that the shell reads', [...base, 'FROM base', 'RUN read -r X </f && echo $X']],
    ['of the heading, which no stage has by itself', ['ARG X=1', 'FROM a', 'RUN echo $X']],
    ['that is empty, as it is when it has been lost', ['ARG X=', 'FROM a AS base', 'ARG X', ...child]],
    ['of a longer name', [...base, 'FROM base', 'RUN echo $XY']],
    ['of a base that may be several stages', ['FROM a AS b1', 'ARG X=1', 'FROM a AS b2', 'FROM b$N', 'RUN echo $X']],
  ])('not one %s', (_, lines) => {
    expect(refusedIn(lines)).toStrictEqual([])
  })
})

describe('RUN behind a VOLUME', () => {
  it.each<[lines: string[], line: number, volume: string]>([
    [['VOLUME /data', 'RUN chown -R app /data'], 3, '/data'],
    [['VOLUME ["/srv/db", "/data"]', 'RUN echo x >/data/y'], 3, '/data'],
    [['VOLUME /srv/db /data', 'RUN ["touch", "/data/y"]'], 3, '/data'],
    [['WORKDIR /srv', 'VOLUME db', 'RUN touch /srv/db/x'], 4, '/srv/db'],
    [['VOLUME /data', 'WORKDIR /data/in', 'RUN touch x'], 4, '/data'],
    [['VOLUME /data', 'FROM base', 'RUN touch "/data/x"'], 4, '/data'],
    [['ENV D=/data', 'VOLUME $D', 'RUN touch /data/x'], 4, '/data'],
    [['ARG D=/data', 'VOLUME ["/data"]', 'RUN touch "${D}/x"'], 4, '/data'],
    [['ENV D=/data', 'VOLUME /data', 'WORKDIR $D/in', 'RUN touch x'], 5, '/data'],
    [['VOLUME $D', 'RUN touch $D/x'], 3, '$D'],
    [['VOLUME $D', 'WORKDIR $D', 'RUN touch x'], 4, '$D'],
  ])('that works in it: %j', (steps, line, volume) => {
    const lines = ['FROM a AS base', ...steps]
    expect(refusedIn(lines)).toStrictEqual([
      `Dockerfile line ${line}: a RUN that works in a VOLUME declared before it, ${volume}`,
    ])
    expect(warnedOf(lines)).toStrictEqual([])
  })

  it.each<[lines: string[]]>([
    [['VOLUME /data', 'RUN apt-get install db']],
    [['VOLUME /data', 'RUN touch /database /x/data /data-2 /data.d']],
    [['VOLUME /data', 'WORKDIR /database', 'RUN touch x']],
  ])('that may: %j', (steps) => {
    const lines = ['FROM a AS base', ...steps]
    const line = lines.length
    expect(refusedIn(lines)).toStrictEqual([])
    expect(warnedOf(lines)).toStrictEqual([`Dockerfile line ${line}: another RUN after a VOLUME, /data`])
  })

  it('may work in one that only the build knows', () => {
    const lines = ['FROM a', 'VOLUME $DATA', 'RUN touch /data/x']
    expect(refusedIn(lines)).toStrictEqual([])
    expect(warnedOf(lines)).toStrictEqual(['Dockerfile line 3: another RUN after a VOLUME, $DATA'])
  })

  it.each<[lines: string[]]>([
    [['RUN touch /data/x', 'VOLUME /data']],
    [['VOLUME /data', 'COPY x /data/', 'CMD ["/data/x"]']],
    [['VOLUME /data', 'FROM a', 'RUN touch /data/x']],
  ])('is none in %j', (steps) => {
    const lines = ['FROM a', ...steps]
    expect([...refusedIn(lines), ...warnedOf(lines)]).toStrictEqual([])
  })
})

describe('RUN in a volume of a base image', () => {
  const volumes = { 'jenkins/jenkins:2': ['/var/jenkins_home'], other: ['/data'] }

  it.each<[lines: string[], line: number]>([
    [['FROM jenkins/jenkins:2', 'RUN touch /var/jenkins_home/x'], 2],
    [['ARG V=2', 'FROM jenkins/jenkins:$V', 'WORKDIR /var/jenkins_home', 'RUN touch x'], 4],
    [['FROM jenkins/jenkins:2 AS a', 'FROM a', 'RUN touch /var/jenkins_home/x'], 3],
  ])('is warned of: %j', (lines, line) => {
    const expected = `Dockerfile line ${line}: a RUN that works in a volume of its base image, /var/jenkins_home`
    expect(warnedOf(lines, volumes)).toStrictEqual([expected])
    expect(refusedIn(lines)).toStrictEqual([])
  })

  it.each<[lines: string[]]>([
    [['FROM jenkins/jenkins:2', 'RUN touch /data/x']],
    [['FROM jenkins/jenkins:2', 'COPY x /var/jenkins_home/x']],
    [['FROM jenkins/jenkins:3', 'RUN touch /var/jenkins_home/x']],
  ])('is none in %j', (lines) => {
    expect(warnedOf(lines, volumes)).toStrictEqual([])
  })
})

describe('what is told', () => {
  const facts = {
    ...factsOf(['FROM a', 'VOLUME /data', 'RUN true', 'RUN true']),
    volumes: new Map<string, string[]>(),
  }

  it.each([
    ['1.28.2', 1, 1],
    ['1.34.0', 1, 1],
    ['1.35.0', 1, 0],
    ['1.36.9', 1, 0],
    ['1.37.0', 0, 0],
  ])('of %s: %d warnings and %d notes', (version, warnings, notes) => {
    const told = toldFaults(version, { ...facts, layout: 'overlay-rootless' })
    expect([told.warnings.length, told.notes.length]).toStrictEqual([warnings, notes])
    expect(losesVolumes(version)).toBe(warnings > 0)
  })

  it('says what goes wrong, and from which release on it does not', () => {
    const { warnings, notes } = toldFaults('1.28.2', { ...facts, layout: 'overlay-rootless' })
    expect(warnings).toStrictEqual([
      'Dockerfile line 3: another RUN after a VOLUME, /data: with Buildah below 1.37.0, what it changes there is lost, if it does',
    ])
    expect(notes[0]).toMatch(/^rootless layers on overlay: with Buildah below 1\.35\.0, files .*user\.overlay\.origin/)
  })

  it.each(['vfs-rootless', 'fuse-overlayfs-rootless', 'overlay-root', ''])(
    'has no attribute of overlay to tell of with the storage %j',
    (layout) => {
      expect(toldFaults('1.28.2', { ...facts, layout }).notes).toStrictEqual([])
    },
  )
})

describe('other platforms', () => {
  const foreign = ['linux/s390x', 'linux/riscv64'].find((one) => one !== formatPlatform(nativePlatform())) ?? ''
  const refusedFor = (platforms: string, lines: readonly string[]) =>
    refusedFaults(factsOf(lines, { platforms })).map(({ what, since }) => [what.replace(/ \(in older.*$/, ''), since])

  it('need a newer release for an image without a platform after a stage of another one', () => {
    const lines = ['FROM --platform=$BUILDPLATFORM a AS build', 'FROM b', 'COPY --from=build /x /x']
    const after = 'an image without a platform of its own after a FROM with `--platform`, b'
    const variable = 'FROM with `--platform=$BUILDPLATFORM` in an image for another platform'
    expect(refusedFor(foreign, lines)).toStrictEqual([
      [`Dockerfile line 2: ${after}`, '1.40.0'],
      [`Dockerfile line 1: ${variable}`, '1.33.7'],
    ])
    expect(refusedFor('', lines)).toStrictEqual([])
  })

  it('need a newer release for $TARGETPLATFORM, and for early variants of ARM', () => {
    const target = 'Dockerfile line 1: FROM with `--platform=$TARGETPLATFORM` in an image for another platform'
    expect(refusedFor(foreign, ['FROM --platform=$TARGETPLATFORM a'])).toStrictEqual([[target, '1.40.0']])
    expect(refusedFor('linux/arm/v6', ['FROM a'])).toStrictEqual([
      ['an image for linux/arm/v5 or linux/arm/v6', '1.42.0'],
    ])
    expect(refusedFor('linux/arm/v7', ['FROM a'])).toStrictEqual([])
  })
})
