import { describe, expect, it } from '@jest/globals'
import { boolean, choice, lines, list, pairs, refuse } from '../../../src/runner/input-parsers.js'
import { describe as describeError, UserError } from '../../../src/errors.js'
import { reader, refusal } from '../helpers.js'

const read = (text: string) => reader({ name: text })

describe('refuse', () => {
  it('names the input, what it got, what is allowed and the cure', () => {
    const error = refuse('ulimit', 'x "y"\n::error::z', 'Write a number.', 'Do this.')
    expect(error).toBeInstanceOf(UserError)
    expect(describeError(error)).toBe('Input "ulimit": got "x \\"y\\"\\n::error::z". Write a number.\nDo this.')
  })
})

describe('choice', () => {
  const take = (text: string) => choice(read(text), 'name', ['auto', 'oci', 'docker'])

  it.each([
    ['', 'auto'],
    [' \n', 'auto'],
    ['auto', 'auto'],
    ['oci', 'oci'],
    [' docker\n', 'docker'],
  ])('takes %j as %s', (text, expected) => {
    expect(take(text)).toBe(expected)
  })

  it.each(['OCI', 'oci,docker', 'dockr', 'undefined', 'toString', 'oci docker'])('refuses %j', (text) => {
    expect(refusal(() => take(text)).message).toBe(
      `Input "name": got ${JSON.stringify(text)}. Allowed: auto, oci, docker.`,
    )
  })
})

describe('boolean', () => {
  it.each([
    ['true', true],
    ['True', true],
    ['TRUE', true],
    [' true\n', true],
    ['false', false],
    ['False', false],
    ['FALSE', false],
  ])('takes %j whatever the default', (text, expected) => {
    expect(boolean(read(text), 'name', true)).toBe(expected)
    expect(boolean(read(text), 'name', false)).toBe(expected)
  })

  it.each(['', '  \n'])('takes the default for %j', (text) => {
    expect(boolean(read(text), 'name', true)).toBe(true)
    expect(boolean(read(text), 'name', false)).toBe(false)
  })

  it.each(['yes', 'no', 'on', 'off', '1', '0', 'y', 'tRUE', 'true false', '"true"', 'truee'])('refuses %j', (text) => {
    expect(refusal(() => boolean(read(text), 'name', true)).message).toBe(
      `Input "name": got ${JSON.stringify(text)}. Allowed: true, false.`,
    )
  })
})

describe('lines', () => {
  it.each([
    ['', []],
    ['\n \r\n\t\n', []],
    ['a', ['a']],
    [' a \r\n\n  b b\n', ['a', 'b b']],
    ['--opt="x, y"\n--flag', ['--opt="x, y"', '--flag']],
    ['"a\nb"', ['"a', 'b"']],
    ['a\r\nb\nc\rd', ['a', 'b', 'c', 'd']],
    ['a\nb\r\nc', ['a', 'b', 'c']],
  ])('%j is %j', (text, expected) => {
    expect(lines(text)).toStrictEqual(expected)
  })
})

describe('list', () => {
  it.each([
    ['', []],
    ['\n  \n', []],
    ['a\nb', ['a', 'b']],
    ['  a  \r\n\r\n b\r\n', ['a', 'b']],
    // commas belong to the entry
    ['A=x,y,,z', ['A=x,y,,z']],
    ['A={"a":"b","c":[1,2]}', ['A={"a":"b","c":[1,2]}']],
    ['A={"scopes":["read","write","admin"]}', ['A={"scopes":["read","write","admin"]}']],
    ['A=["x", "y","z"]\nB="","",""', ['A=["x", "y","z"]', 'B="","",""']],
    ['A=1,"say ""hi""",2', ['A=1,"say ""hi""",2']],
    ['A={\n"x": ["a","b"],\n"y": "c"\n}', ['A={', '"x": ["a","b"],', '"y": "c"', '}']],
    // a quote inside an entry is a character like another
    ['A=say "hi"', ['A=say "hi"']],
    ['A="x,y"', ['A="x,y"']],
    ['A=6" pipe', ['A=6" pipe']],
    // an entry that begins with a quote is a CSV field
    ['"A=first\nsecond"', ['A=first\nsecond']],
    ['"A=first\r\nsecond"\r\nB=2', ['A=first\r\nsecond', 'B=2']],
    ['"A=say ""hi"", twice"', ['A=say "hi", twice']],
    ['"A=x"\n"B=y"', ['A=x', 'B=y']],
    ['""', []],
    // what follows a closing quote makes it no closing quote
    ['"A=x" tail', ['"A=x" tail']],
    ['"A=x",B=y', ['"A=x",B=y']],
    ['"A=x","B=y"', ['"A=x","B=y"']],
    // every kind of line end, also several of them in one text
    ['A=1\r\nB=2\nC=3', ['A=1', 'B=2', 'C=3']],
    ['A=1\nB=2\r\nC=3\r\n', ['A=1', 'B=2', 'C=3']],
    ['A=1\rB=2\nC=3\r\nD=4', ['A=1', 'B=2', 'C=3', 'D=4']],
    ['"A=1\r\n2"\nB=3\r\n"C=4\n5"\r\nD=6', ['A=1\r\n2', 'B=3', 'C=4\n5', 'D=6']],
    // nor does a blank before a quote
    [' "A=first\nsecond"', ['A=first\nsecond']],
    ['A=1\n "B=say ""hi"", twice" \n\t"C=x"', ['A=1', 'B=say "hi", twice', 'C=x']],
    ['A= "x"', ['A= "x"']],
    // no comments
    ['#a\nb # c', ['#a', 'b # c']],
  ])('one entry a line: %j is %j', (text, expected) => {
    expect(list(read(text), 'name', { commas: false })).toStrictEqual(expected)
  })

  it.each([
    ['a,b', ['a', 'b']],
    [' a , b \n c,,d ', ['a', 'b', 'c', 'd']],
    [',', []],
    ['"a,b"', ['a', 'b']],
    ['"a"\n"b"', ['a', 'b']],
    ['a,b\r\nc\nd,e\rf', ['a', 'b', 'c', 'd', 'e', 'f']],
  ])('commas between entries: %j is %j', (text, expected) => {
    expect(list(read(text), 'name', { commas: true })).toStrictEqual(expected)
  })

  it('takes the quotes from parts of an entry where they may have some', () => {
    const entries = list(read('"type=gha","scope=web"\r\n"type=gha,scope=web"\na'), 'name', { commas: 'within' })
    expect(entries).toStrictEqual(['type=gha,scope=web', 'type=gha,scope=web', 'a'])
  })

  it('keeps white space where it may be part of a value', () => {
    const text = ' a= x \n"b=\n  y\n"\n \n'
    expect(list(read(text), 'name', { commas: false, keepSpace: true })).toStrictEqual(['a= x ', 'b=\n  y\n'])
    expect(list(read('a= x \nb=y\r\nc=z'), 'name', { commas: false, keepSpace: true })).toStrictEqual([
      ...['a= x ', 'b=y', 'c=z'],
    ])
  })

  it.each(['"A=hunter2', 'B=1\n"A=hunter2\nC=3\n', '"', 'A=1\n"A=""hunter2""'])(
    'refuses the quote that is never closed in %j and shows nothing of the text',
    (text) => {
      const error = refusal(() => list(read(text), 'name', { commas: false }))
      expect(error.message).toMatch(
        /^Input "name": a quoted entry isn't closed, .* \(Quote Not Closed: .* at line \d+\)\.$/,
      )
      expect(describeError(error)).toContain('"NAME=say ""hi"""')
      expect(describeError(error)).not.toContain('hunter2')
    },
  )
})

describe('pairs', () => {
  it.each([
    ['a=1', [{ name: 'a', value: '1' }]],
    ['a=1=2==', [{ name: 'a', value: '1=2==' }]],
    ['a = 1', [{ name: 'a', value: ' 1' }]],
    [
      'a=x,y\nb=z',
      [
        { name: 'a', value: 'x,y' },
        { name: 'b', value: 'z' },
      ],
    ],
    ['"a=first\nsecond"', [{ name: 'a', value: 'first\nsecond' }]],
    ['"a=say ""hi"""', [{ name: 'a', value: 'say "hi"' }]],
    [
      'a=1\nA=2',
      [
        { name: 'a', value: '1' },
        { name: 'A', value: '2' },
      ],
    ],
    ['__proto__=1', [{ name: '__proto__', value: '1' }]],
  ])('%j is %j', (text, expected) => {
    expect(pairs(read(text), 'name')).toStrictEqual(expected)
  })

  it.each([
    ['a', [{ name: 'a', value: '' }]],
    ['a=', [{ name: 'a', value: '' }]],
  ])('%j has an empty value where that is allowed', (text, expected) => {
    expect(pairs(read(text), 'name', { emptyValue: true })).toStrictEqual(expected)
    expect(refusal(() => pairs(read(text), 'name')).message).toBe(
      `Input "name": got ${JSON.stringify(text)}. Write one name=value per line.`,
    )
  })

  it.each(['=1', ' = 1'])('refuses %j, which has no name', (text) => {
    expect(refusal(() => pairs(read(text), 'name', { emptyValue: true })).message).toBe(
      `Input "name": got ${JSON.stringify(text.trim())}. Write one name=value per line.`,
    )
  })

  it.each(['a=1\nb=2\na=3', 'a=1\na=1', 'a=1\n"a=2\n3"'])('refuses a name that is given twice in %j', (text) => {
    expect(refusal(() => pairs(read(text), 'name')).message).toBe(
      'Input "name": got "a". It is given twice; write it once.',
    )
  })
})
