/** Whether a value of a JSON document is an object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An object as it is, and one without members for everything else. */
export function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {}
}

/** A list as it is, and an empty one for everything else. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** The texts in a list. */
export function textsOf(value: unknown): string[] {
  return listOf(value).filter((one) => typeof one === 'string')
}

/** The members of an object that are texts. */
export function textMembersOf(value: unknown): Readonly<Record<string, string>> {
  const members = Object.entries(objectOf(value))
  return Object.fromEntries(members.filter((one): one is [string, string] => typeof one[1] === 'string'))
}

/** The object that a text is; one without members where it is none, or no JSON. */
export function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    return objectOf(JSON.parse(text))
  } catch {
    return {}
  }
}
