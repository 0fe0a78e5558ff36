import { describe, expect, test } from '@jest/globals'
import {
  hasExpression,
  isOnly,
  render,
  renderKnown,
  type Call,
  type Expressions,
} from '../../../src/metadata/template.js'
import { globalExpressions } from '../../../src/metadata/ref-context.js'
import { context, events } from './events.js'
import { refusal } from '../helpers.js'

const expressions: Expressions = new Map<string, string | ((call: Call) => string)>([
  ['name', 'value'],
  ['evil', '{{name}} $& \\{{ <&>'],
  ['show', ({ argument, options }) => JSON.stringify([argument ?? null, ...options])],
])

test.each([
  ['', ''],
  ['plain', 'plain'],
  ['{{name}}', 'value'],
  ['{{ name }}', 'value'],
  ['{{{name}}}', 'value'],
  ['a{{name}}b{{name}}c', 'avaluebvaluec'],
  ['}} { }', '}} { }'],
  ['\\{{name}}', '{{name}}'],
  ['\\\\{{name}}', '\\value'],
  ['a\\b{{name}}', 'a\\bvalue'],
  ['\\{{name}} {{name}}', '{{name}} value'],
  ['{{evil}}', '{{name}} $& \\{{ <&>'],
  ['{{show}}', '[null]'],
  ["{{show 'a b'}}", '["a b"]'],
  ['{{show "it\'s"}}', '["it\'s"]'],
  ["{{show 'x' tz='y' other=\"z\"}}", '["x",["tz","y"],["other","z"]]'],
  ["{{show tz='y' 'x'}}", '["x",["tz","y"]]'],
  ["{{show ''}}", '[""]'],
  ["{{show '}}'}}", '["}}"]'],
])('%s is %s', (template, text) => {
  expect(render(template, expressions)).toBe(text)
})

test.each([
  ['{{nope}}', /the expression \{\{nope\}\} is unknown/, /^Known here are name, evil, show\./],
  ['{{constructor}}', /\{\{constructor\}\} is unknown/, /Known here/],
  ['{{__proto__}}', /\{\{__proto__\}\} is unknown/, /Known here/],
  ["{{name 'x'}}", /\{\{name\}\} takes nothing after its name/, /Write \{\{name\}\}/],
  ["{{name x='x'}}", /takes nothing/, /Write/],
  ['{{name', /"\{\{name" can't be read/, /quotes around each text/],
  ['{{}}', /"\{\{\}\}" can't be read/, /quotes/],
  ['{{show YYYY}}', /"\{\{show YYYY\}\}" can't be read/, /quotes around each text/],
  ["{{show 'a}}", /can't be read/, /quotes/],
  ["{{show'a'}}", /can't be read/, /quotes/],
  ["{{show 'a''b'}}", /can't be read/, /quotes/],
  ["{{show 'a' 'b'}}", /can't be read/, /quotes/],
  ["{{show a='1' a='2'}}", /can't be read/, /quotes/],
  ['{{{name}}', /can't be read/, /quotes/],
  ['{{#if name}}x{{/if}}', /"\{\{#if name\}\}" can't be read/, /An expression is/],
  ['{{name.length}}', /can't be read/, /quotes/],
  ['{{ name\n| x }}', /"\{\{ name\\n\| x \}\}" can't be read/, /quotes/],
])('%j is refused', (template, message, hint) => {
  const error = refusal(() => render(template, expressions))
  expect(error.message).toMatch(message)
  expect(error.hint).toMatch(hint)
})

test.each([
  ['{{name}}', 'value', []],
  ['{{nope}} {{name}}', '{{nope}} value', ['{{nope}}']],
  ['{{constructor}}', '{{constructor}}', ['{{constructor}}']],
  ['{{name', '{{name', ['{{name']],
  ['{{', '{{', ['{{']],
  ['{{{name}} {{{name}}}', '{{{name}} value', ['{{{name}}']],
  ['{{#if name}}{{name}}{{/if}}', '{{#if name}}value{{/if}}', ['{{#if name}}', '{{/if}}']],
  ['{{ x {{name}} }}', '{{ x value }}', ['{{ x {{name}}']],
  ['\\{{name}} \\\\{{name}} \\\\{{nope}}', '{{name}} \\value \\\\{{nope}}', ['{{nope}}']],
  ['{{evil}}', '{{name}} $& \\{{ <&>', []],
])('of %s, what is known is put in: %s', (template, text, left) => {
  expect(renderKnown(template, expressions)).toEqual({ text, left })
})

test.each([
  ['{{raw}}', true],
  ['{{ raw }}', true],
  ['{{{raw}}}', true],
  ['v{{raw}}', false],
  ['{{raw}}{{raw}}', false],
  ['{{version}}', false],
  ["{{raw 'x'}}", false],
  ['raw', false],
  ['', false],
])('isOnly %s: %s', (template, expected) => {
  expect(isOnly(template, 'raw')).toBe(expected)
})

test('hasExpression', () => {
  expect(['a', '{a}', 'a{{b}}'].map(hasExpression)).toEqual([false, false, true])
})

describe('the expressions of an event', () => {
  const all = '{{branch}}|{{tag}}|{{sha}}|{{base_ref}}|{{is_default_branch}}|{{is_not_default_branch}}'
  test.each([
    [events.main, 'main||8c3d1f0||true|false'],
    [events.topic, 'feature/Login_page||8c3d1f0||false|true'],
    [events.tag, '|v1.4.2|8c3d1f0|main|false|true'],
    [events.fork, '||8c3d1f0|release/1.x|false|true'],
    [events.target, '||8c3d1f0|release/1.x|false|true'],
    [{ ...events.main, baseRef: 'refs/heads/other' }, 'main||8c3d1f0||true|false'],
    [context({ ref: 'refs/heads/a\nb\u2028c' }), 'a-b-c||8c3d1f0||false|true'],
  ])('%#', (where, expected) => {
    expect(render(all, globalExpressions(where))).toBe(expected)
  })

  test('dates', () => {
    const template = "{{date 'YYYYMMDD'}} {{commit_date 'YYYYMMDD'}} {{commit_date 'DD HH:mm' tz='Europe/Paris'}}"
    expect(render(template, globalExpressions(context()))).toBe('20260307 20260228 01 00:30')
    expect(render(template, globalExpressions(context({ commitDate: undefined })))).toBe('20260307 20260307 07 22:05')
  })

  test.each([
    ['{{date}}', /has no format/, "Write {{date 'YYYYMMDD'}}."],
    ["{{commit_date 'YYYY' zone='UTC'}}", /has no option zone/, /tz=/],
    ["{{date 'YYYY' tz='Nowhere'}}", /time zone "Nowhere" is unknown/, /IANA/],
    ['{{date YYYY}}', /can't be read/, /quotes/],
  ])('%s is refused', (template, message, hint) => {
    const error = refusal(() => render(template, globalExpressions(context())))
    expect(error.message).toMatch(message)
    expect(error.hint).toMatch(hint)
  })
})
