/** A variable in braces, as far as what stands behind its name; or one without braces. */
const USE = /^\$\{?([A-Za-z_]\w*)(?![\p{L}\p{N}_])((?<=^\$\{\w+):?[-+?])?/u
/** No name is looked at beyond it, so that a text of names alone takes no longer than another. */
const LONGEST = 200

/**
 * The variables that an engine puts the values of into a text, each once: not those that are escaped or between single
 * quotes, and not those that something is said for if they have no value (`${NAME:-word}`). Pure.
 * @param escape the escape character of the Dockerfile
 */
export function usedVariables(text: string, escape: string): string[] {
  const names = new Set<string>()
  let quote = ''
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at)
    if (quote === "'") {
      if (char === "'") quote = ''
    } else if (char === escape) {
      // Between double quotes, it stands for itself before anything else.
      if (quote === '' || ['"', '$', escape].includes(text.charAt(at + 1))) at += 1
    } else if (char === '"') quote = quote === '' ? '"' : ''
    else if (char === "'" && quote === '') quote = "'"
    else if (char === '$') {
      const [found = '', name, fallback] = USE.exec(text.slice(at, at + LONGEST)) ?? []
      if (name !== undefined && fallback === undefined) names.add(name)
      // A second `$` is no beginning of a name.
      at += Math.max(found.length - 1, text.charAt(at + 1) === '$' ? 1 : 0)
    }
  }
  return [...names]
}
