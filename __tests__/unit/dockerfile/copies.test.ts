import { describe, expect, it } from '@jest/globals'
import { copiedPaths, copyPattern, readCopy } from '../../../src/dockerfile/copies.js'
import { parseDockerfile, stepsOf } from '../../../src/dockerfile/dockerfile.js'

const first = (line: string, values: Readonly<Record<string, string>> = {}) => {
  const [instruction] = stepsOf(parseDockerfile(`FROM a\n${line}`))
  if (instruction === undefined) throw new Error('there is no instruction')
  return readCopy(instruction, new Map(Object.entries(values)))
}

describe('readCopy', () => {
  it.each<[string, string[] | undefined]>([
    ['COPY src /s', ['src']],
    ['COPY . .', ['']],
    ['COPY / /', ['']],
    ['COPY ./src/ a.txt /b/c /s', ['src', 'a.txt', 'b/c']],
    ['COPY --chown=1:1 --chmod=755 package*.json ./', ['package*.json']],
    ['COPY ["a b", "c", "/d"]', ['a b', 'c']],
    ['copy src /s', ['src']],
    ['\u00a0COPY src /s', ['src']],
    ['\u3000 \u3000COPY src /s', ['src']],
    ['COPY my\u00a0file.txt your\u3000file.txt /x/', ['my\u00a0file.txt', 'your\u3000file.txt']],
    ['COPY a\tb\vc\fd /x/', ['a', 'b', 'c', 'd']],
    ['ADD a.tar https://host/x git@host:x me@host:x /s', ['a.tar']],
    ['ADD me@host /s', ['me@host']],
    ['ADD --checksum=sha256:ab https://host/x /s', []],
    // Buildah itself takes it for a path there.
    ['COPY https://host/x /s', ['https:/host/x']],
    ['COPY --from=stage /a /b', []],
    ['COPY --from= a /b', ['a']],
    ['COPY $SRC /s', undefined],
    ['COPY "a b" /s', undefined],
    ["COPY 'a' /s", undefined],
    ['COPY a\\ b /s', undefined],
    ['COPY ["$A", "/s"]', undefined],
    ['COPY <<EOF /s\ntext\nEOF', undefined],
    ['COPY --exclude=*.md . /s', undefined],
    ['COPY --parents a/b /s', undefined],
    ['COPY ../a /s', undefined],
    ['COPY a/../../b /s', undefined],
  ])('takes of the context by %j', (line, expected) => {
    expect(first(line)?.paths).toStrictEqual(expected)
  })

  it.each<[string, string[] | undefined, string[]]>([
    ['COPY bin-$TARGETARCH /s', ['bin-arm64'], ['TARGETARCH']],
    ['COPY ${TARGETARCH}/ bin${TARGETVARIANT:-/x} /$NAME', ['arm64', 'bin/x'], ['TARGETARCH', 'TARGETVARIANT']],
    ['COPY ["$TARGETARCH/a b", "/s"]', ['arm64/a b'], ['TARGETARCH']],
    ['COPY --from= $TARGETARCH /s', ['arm64'], ['TARGETARCH']],
    ['COPY a /$TARGETARCH', ['a'], []],
    ['COPY $TARGETARCH $NAME /s', undefined, []],
    ['COPY "$TARGETARCH" /s', undefined, []],
    ['COPY `$TARGETARCH /s', undefined, []],
    ['COPY ${TARGETARCH%64} /s', undefined, []],
    ['COPY $$TARGETARCH /s', undefined, []],
    ['COPY ../$TARGETARCH /s', undefined, []],
    ['COPY --from=x /$TARGETARCH /s', [], ['TARGETARCH']],
    // It may be an address.
    ['ADD $TARGETARCH /s', undefined, []],
  ])('takes of the context by %j, with values of the platform, %j', (line, expected, assumed) => {
    const copy = first(line, { TARGETARCH: 'arm64', TARGETVARIANT: '' })
    expect([copy?.paths, [...(copy?.assumed.keys() ?? [])]]).toStrictEqual([expected, assumed])
  })

  it.each(['RUN cp a b', 'ENV A=COPY', 'ONBUILD COPY a b'])('%j is none', (line) => {
    expect(first(line)).toBeUndefined()
  })

  it('copiedPaths: of all stages, each once', () => {
    const dockerfile = parseDockerfile('FROM a\nCOPY x y /\nFROM b\nCOPY y z /\nCOPY $A /')
    expect(copiedPaths(dockerfile)).toStrictEqual(['x', 'y', 'z'])
  })
})

describe('copyPattern', () => {
  it.each<[pattern: string, matched: string[], others: string[]]>([
    ['', ['a', 'a/b', '.git'], []],
    ['src', ['src', 'src/a/b'], ['src2', 'a/src', 'srcs/a']],
    ['a.b+c', ['a.b+c'], ['aXb+c', 'a.bbc']],
    ['package*.json', ['package.json', 'package-lock.json'], ['package/x.json', 'a/package.json']],
    ['src/*', ['src/a', 'src/a/b'], ['src']],
    ['?.txt', ['a.txt', '🙂.txt', '\n.txt'], ['ab.txt', '/.txt', '🙂🙂.txt']],
    ['d/*.cfg', ['d/a.cfg', 'd/a\nb.cfg', 'd/🙂\u2028.cfg'], ['d/a.cfgs']],
    ['(a|b)', ['(a|b)'], ['a', 'b']],
  ])('%j', (pattern, matched, others) => {
    expect([...matched, ...others].filter((path) => copyPattern(pattern)?.takes(path))).toStrictEqual(matched)
  })

  it.each<[pattern: string, through: string[], past: string[]]>([
    ['', ['a', 'a/b'], []],
    ['src/*/x', ['src', 'src/a', 'src/a/x', 'src/a/x/y'], ['other', 'src/a/y', 'a/src']],
    ['package*.json', ['package.json'], ['node_modules', 'src']],
  ])('%j leads through', (pattern, through, past) => {
    expect([...through, ...past].filter((path) => copyPattern(pattern)?.leadsThrough(path))).toStrictEqual(through)
  })

  it.each(['[ab]', 'a\\*'])('%j is not known here', (pattern) => {
    expect(copyPattern(pattern)).toBeUndefined()
  })
})
