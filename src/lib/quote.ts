const longest = 200

/**
 * Text from outside as a message shows it: JSON-quoted, cut at 200 characters, with everything that a terminal or a log
 * would act on or not show (control, format, separator and private characters, lone surrogates) written as `\u….`
 */
export function quote(text: string): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text
  return JSON.stringify(cut).replace(/(?! )[\p{C}\p{Z}]/gu, (character) =>
    character.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  )
}
