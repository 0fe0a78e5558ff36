import { expect, it } from '@jest/globals'
import { mistypedArguments } from '../../../src/dockerfile/mistyped-arguments.js'
import { analysisOf } from '../helpers.js'

const found = (text: string, ...names: readonly string[]) =>
  mistypedArguments(analysisOf(text, { buildArgs: Object.fromEntries(names.map((name) => [name, '1'])) }))

it.each([
  ['with a letter too few', 'FROM scratch\nARG VERSION=0\n', 'VERSON', { meant: 'VERSION', line: 2 }],
  ['in another case', 'FROM scratch\nARG A B\nARG VERSION\n', 'version', { meant: 'VERSION', line: 3 }],
  ['in the plural', 'ARG VERSION\nFROM scratch\nARG VERSION\n', 'VERSIONS', { meant: 'VERSION', line: 1 }],
  ['of what is put off', 'FROM scratch\nONBUILD ARG VERSION\n', 'VERSOIN', { meant: 'VERSION', line: 2 }],
])('finds a name %s', (_, text, given, meant) => {
  expect(found(text, given)).toStrictEqual([{ given, ...meant }])
})

it.each([
  ['is declared', 'FROM a\nARG VERSION\nFROM b\nARG VERSON\n', ['VERSON']],
  ['is put off', 'FROM a\nARG VERSION\nONBUILD ARG VERSON\n', ['VERSON']],
  ['is near to none', 'FROM a\nARG VERSION\n', ['RELEASE']],
  ['is near to one that has its own value', 'FROM a\nARG PYTHON3\n', ['PYTHON2', 'PYTHON3']],
  ['is near to two', 'FROM a\nARG LIB_A\nARG LIB_B\n', ['LIB_C']],
  ['needs no ARG', 'FROM a\nARG TARGETARC HTP_PROXY NOPROXY\n', ['TARGETARCH', 'HTTP_PROXY', 'no_proxy', 'ALL_PROXY']],
  ['is for the engine', 'FROM a\nARG BUILDKIT_SYNTA SOURCE_DATE_EPOC\n', ['BUILDKIT_SYNTAX', 'SOURCE_DATE_EPOCH']],
])('says nothing of a name that %s', (_, text, names) => {
  expect(found(text, ...names)).toStrictEqual([])
})
