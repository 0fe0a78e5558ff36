import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../..', import.meta.url))

/** The text of a file, by its path in the repository. */
export const text = (path: string): string => readFileSync(join(root, path), 'utf8')

/** All that is below a folder, by its path in the repository; nothing where there is no such folder. */
export function below(folder: string): string[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))
}

export const workflows = below('.github/workflows').filter((path) => path.endsWith('.yml'))
export const exampleWorkflows = below('examples').filter((path) => /\/\.github\/workflows\/[^/]+\.yml$/.test(path))
export const documents = [...readdirSync(root), ...below('docs')].filter((path) => path.endsWith('.md'))

/** The blocks of YAML in the documents, also those in lists. */
export const yamlBlocks = documents.flatMap((document) =>
  [...text(document).matchAll(/^( *)```yaml\n([^]*?)^\1```$/gm)].map(([, indent = '', yaml = ''], index) => ({
    name: `${document}, block ${index + 1}`,
    yaml: yaml.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  })),
)

/** The cells of the first table below a heading, its header left out. */
export function tableBelow(document: string, heading: string): string[][] {
  const section = text(document).split(`\n${heading}\n`)[1] ?? ''
  const first = section.split('\n\n').find((block) => block.trimStart().startsWith('|')) ?? ''
  return first
    .trim()
    .split('\n')
    .slice(2)
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}
