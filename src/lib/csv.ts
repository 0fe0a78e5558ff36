/** Fields of one line of CSV, as the clients of both engines split some of their arguments. Pure. */
export function csv(...fields: readonly string[]): string {
  return fields.map((field) => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',')
}
