import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../src/dockerfile/dockerfile.js'
import { hiddenFrom } from '../../src/surroundings.js'
import { inputsOf } from './helpers.js'

const DOUBLED = 'ENV A=x\\\\\nCOPY a b'

describe('hiddenFrom', () => {
  it.each<[what: string, inputs: Record<string, string>, file: string, text: string, hidden: string | undefined]>([
    ['nothing', {}, '/w/Dockerfile', 'FROM a\nRUN x', undefined],
    ['an argument', { 'extra-args': '--volume=/a:/b' }, '/w/Dockerfile', 'FROM a', '--volume=/a:/b in "extra-args"'],
    ['the preprocessor', {}, '/w/Dockerfile.in', 'FROM a', 'the preprocessor, which /w/Dockerfile.in goes through,'],
    // BuildKit takes two escape characters for one that is meant, Buildah the second for a continuation.
    ['a line', {}, '/w/Dockerfile', `FROM a\n${DOUBLED}`, 'line 2, which BuildKit and Buildah read differently,'],
  ])('is %s', (_, inputs, file, text, hidden) => {
    expect(hiddenFrom(inputsOf(inputs), { file, dockerfile: parseDockerfile(text) })).toBe(hidden)
  })
})
