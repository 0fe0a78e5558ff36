import { isImage } from './image-output.js'
import { type InputReader, lines, refuse } from './input-parsers.js'

export interface Output {
  readonly type: 'oci' | 'docker' | 'local' | 'tar'
  /** Relative to the workspace or absolute. */
  readonly dest: string
}

/** Whether an output is the file system of the image rather than an image archive. */
export function isFiles({ type }: Output): boolean {
  return type === 'local' || type === 'tar'
}

/** Reads the input `outputs`. @throws UserError, also if two outputs have the same destination */
export function outputFiles(read: InputReader, input: string): Output[] {
  const outputs = lines(read(input))
    .filter((line) => !isImage(line))
    .map((line) => output(input, line))
  const twice = outputs.find(({ dest }, index) => outputs.findIndex((other) => other.dest === dest) < index)
  if (twice !== undefined) throw refuse(input, twice.dest, 'Two outputs have this destination; give each its own.')
  return outputs
}

function output(input: string, line: string): Output {
  const attributes = line.includes('=') ? line.split(',') : ['type=local', `dest=${line}`]
  const values = new Map(
    attributes.map((part) => [part.split('=', 1)[0]?.trim(), part.slice(part.indexOf('=') + 1).trim()]),
  )
  const type = (['oci', 'docker', 'local', 'tar'] as const).find((known) => known === values.get('type'))
  const dest = values.get('dest')
  const unknown = [...values.keys()].some((key) => key !== 'type' && key !== 'dest')
  const twice = values.size < attributes.length
  if (type === undefined || dest === undefined || dest === '' || dest === '-' || unknown || twice) {
    throw refuse(
      input,
      line,
      'Write type=oci,dest=FILE, type=docker,dest=FILE, type=local,dest=FOLDER, type=tar,dest=FILE or type=image,push=true; no other type is supported.',
      'To push the image, write `push: true`; to keep it in the local storage, `load: true`.',
    )
  }
  return { type, dest }
}
