import * as fs from 'node:fs'
import { join, relative } from 'node:path'

import ts from 'typescript'

import { withFolder } from './copy.mjs'

/**
 * TypeScript for the sources of a copy. It stays loaded, so that a changed file takes half a second where `tsc` would
 * take ten.
 */
export function openCompiler(folder) {
  const { fileNames, options } = ts.getParsedCommandLineOfConfigFile(
    join(folder, 'tsconfig.build.json'),
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail },
  )
  const service = ts.createLanguageService({
    // A mutation may leave a name without a use, which is no mistake that a user would notice.
    getCompilationSettings: () => ({ ...options, noUnusedLocals: false, noUnusedParameters: false }),
    getCurrentDirectory: () => folder,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    getScriptFileNames: () => fileNames,
    getScriptVersion: (path) => (path.startsWith(`${folder}/src/`) ? fs.readFileSync(path, 'utf8') : '0'),
    getScriptSnapshot: (path) => snapshot(path),
    fileExists: ts.sys.fileExists,
    readFile: ts.sys.readFile,
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories,
    realpath: ts.sys.realpath,
  })
  return {
    /** Relative to the copy. */
    files: fileNames.map((path) => relative(folder, path)),
    /** What is wrong with a file as it is now. */
    mistakesIn(file) {
      const path = join(folder, file)
      const found = [...service.getSyntacticDiagnostics(path), ...service.getSemanticDiagnostics(path)]
      return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))
    },
    /** Writes the JavaScript of a file to `path`, as ES module: alone, it doesn't show that it is one. */
    emit(file, path) {
      const compilerOptions = { ...options, module: ts.ModuleKind.ES2022, moduleResolution: undefined }
      const text = fs.readFileSync(join(folder, file), 'utf8')
      fs.writeFileSync(withFolder(path), ts.transpileModule(text, { compilerOptions }).outputText)
    },
  }
}

function snapshot(path) {
  const text = ts.sys.readFile(path)
  return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text)
}

function fail({ messageText }) {
  throw new Error(ts.flattenDiagnosticMessageText(messageText, ' '))
}
