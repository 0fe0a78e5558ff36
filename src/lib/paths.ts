/** Whether a path is `folder` or lies in it; both absolute, and without links on the way. Pure. */
export function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}
