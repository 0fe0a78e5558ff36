import { UserError } from '../errors.js'
import { objectOf } from '../lib/json.js'
import { linesOf } from './input-parsers.js'

/** A line of the form `key: value`, with a dash in front of the first one of an entry. */
const PAIR = /^( *)(-(?: +|$))?(?:([\w-]+):(?:[ \t]+(.*))?)?$/
/** What may not begin a text without quotes in YAML, and what may not be in it. */
const SPECIAL = /^[[\]{}&*!|>%@`"'#,?-]|: |:$/
const DOUBLE = /^("(?:[^"\\]|\\.)*")\s*(?:\s#.*)?$/
const SINGLE = /^'((?:[^']|'')*)'\s*(?:\s#.*)?$/

/**
 * A list of maps from names to texts, in YAML without what such a list can do without (anchors, tags, texts of several
 * lines, nested values), or in JSON. What is read means the same to any reader of YAML that takes all for texts. Pure.
 * @param secret names whose texts are secret: what looks like the comment behind one is an error
 * @throws UserError that shows nothing of the text but the number of the line
 */
export function parseYamlList(text: string, input: string, secret: ReadonlySet<string>): Map<string, string>[] {
  if (text.trimStart().startsWith('[')) return parseJson(text, input)
  const entries: Map<string, string>[] = []
  let [dash, column] = [-1, -1]
  for (const [index, line] of linesOf(text).entries()) {
    if (/^\s*(#.*)?$/.test(line)) continue
    const fail = (why: string) => refuse(input, index + 1, why)
    const [whole, indent = '', bullet, key, written = ''] = PAIR.exec(line.trimEnd()) ?? []
    if (whole === undefined) throw fail('it is neither `- key: value` nor `key: value`')
    if (bullet !== undefined) {
      if (dash >= 0 && indent.length !== dash) throw fail("its dash isn't below the one before")
      dash = indent.length
      // Where the dash stands alone, the first key says.
      column = key === undefined ? -1 : indent.length + bullet.length
      entries.push(new Map())
    } else if (column < 0 && indent.length > dash) column = indent.length
    else if (indent.length !== column) throw fail("its key isn't below the one before")
    const entry = entries.at(-1)
    if (entry === undefined) throw fail('it begins no entry: write a dash before the first key')
    if (key === undefined) continue
    if (entry.has(key)) throw fail(`it has ${key} for the second time`)
    entry.set(key, valueOf(written, secret.has(key), fail))
  }
  return entries
}

type Fail = (why: string) => UserError

function valueOf(written: string, isSecret: boolean, fail: Fail): string {
  const text = written.trim()
  const [, double] = DOUBLE.exec(text) ?? []
  if (double !== undefined) return unescaped(double, fail)
  const [, single] = SINGLE.exec(text) ?? []
  if (single !== undefined) return single.replaceAll("''", "'")
  if (text.startsWith('#')) return ''
  const [plain = ''] = text.split(/\s+#/, 1)
  if (isSecret && plain !== text)
    throw fail('what follows ` #` in its value would be a comment: put the value into quotes')
  if (SPECIAL.test(plain)) throw fail('its value has characters that mean something in YAML: put it into single quotes')
  return plain
}

function unescaped(double: string, fail: Fail): string {
  try {
    return String(JSON.parse(double))
  } catch {
    throw fail('a backslash in its double quotes means nothing: use single quotes')
  }
}

function parseJson(text: string, input: string): Map<string, string>[] {
  let list: unknown
  try {
    list = JSON.parse(text)
  } catch {
    throw refuse(input, 1, "it begins a list in JSON, and what follows isn't JSON")
  }
  const entries = (list as readonly unknown[]).map((entry) => Object.entries(objectOf(entry)))
  const isText = (pair: [string, unknown]): pair is [string, string] => typeof pair[1] === 'string'
  return entries.map((pairs) => {
    if (!pairs.every(isText)) throw refuse(input, 1, 'its list has something else than texts')
    return new Map(pairs)
  })
}

function refuse(input: string, line: number, why: string): UserError {
  return new UserError(
    `Input "${input}": line ${line} can't be read: ${why}.`,
    "Write a list: `- registry: ghcr.io`, and below it, indented by two blanks, `username: …` and `password: '${{ secrets.TOKEN }}'`.",
  )
}
