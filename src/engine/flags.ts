/** A flag before each value. Pure. */
export function each(flag: string, values: readonly string[]): string[] {
  return values.flatMap((value) => [flag, value])
}
