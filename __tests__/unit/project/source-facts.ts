import { dirname, join } from 'node:path'
import ts from 'typescript'

/** What one source file takes from elsewhere, read from its syntax: words in comments and texts don't count. */
export interface Facts {
  /** Modules that are loaded with it, types included: `node:fs`, or a path below src (`engine/engine.ts`). */
  readonly imports: readonly string[]
  /** Modules that are loaded when they are needed: `import('…')`. */
  readonly lazy: readonly string[]
  /** Names and two-part names that the code uses: `getInput`, `process.env`. */
  readonly names: ReadonlySet<string>
  readonly hasDefaultExport: boolean
}

/** @param path of the file below src, for what it imports relative to itself */
export function factsOf(path: string, text: string): Facts {
  const imports: string[] = []
  const lazy: string[] = []
  const names = new Set<string>()
  let hasDefaultExport = false
  const resolve = (module: string) =>
    module.startsWith('.') ? join(dirname(path), module).replace(/\.js$/, '.ts') : module
  const visit = (node: ts.Node): void => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined)
      imports.push(resolve(textOf(node.moduleSpecifier)))
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      lazy.push(resolve(textOf(node.argument.literal)))
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      lazy.push(resolve(textOf(node.arguments[0])))
    else if (ts.isPropertyAccessExpression(node)) names.add(`${node.expression.getText()}.${node.name.text}`)
    else if (ts.isElementAccessExpression(node) && ts.isStringLiteral(node.argumentExpression))
      names.add(`${node.expression.getText()}.${node.argumentExpression.text}`)
    // `const { env } = process` is `process.env` as well.
    else if (ts.isVariableDeclaration(node) && ts.isObjectBindingPattern(node.name) && node.initializer !== undefined)
      for (const { propertyName, name } of node.name.elements)
        names.add(`${node.initializer.getText()}.${(propertyName ?? name).getText()}`)
    else if (ts.isIdentifier(node)) names.add(node.text)
    if (ts.isExportAssignment(node) || node.kind === ts.SyntaxKind.DefaultKeyword) hasDefaultExport ||= isExported(node)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true))
  return { imports, lazy, names, hasDefaultExport }
}

/** One way round for each cycle among files that import one another: `a.ts → b.ts → a.ts`. */
export function cyclesIn(files: ReadonlyMap<string, Facts>): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const walk = (path: string, mode: readonly string[]): void => {
    const facts = files.get(path)
    if (facts === undefined || done.has(path)) return
    for (const next of [...facts.imports, ...facts.lazy]) {
      const from = [...mode, path].indexOf(next)
      if (from >= 0) found.push([...mode, path, next].slice(from).join(' → '))
      else walk(next, [...mode, path])
    }
    done.add(path)
  }
  for (const path of files.keys()) walk(path, [])
  return found
}

function textOf(node: ts.Node | undefined): string {
  if (node !== undefined && ts.isStringLiteralLike(node)) return node.text
  throw new Error(`a module that isn't named by a plain text: ${node?.getText() ?? ''}`)
}

/** `export default` in both of its forms, and not the `default` of a switch. */
function isExported(node: ts.Node): boolean {
  return ts.isExportAssignment(node) || !ts.isCaseOrDefaultClause(node.parent)
}
