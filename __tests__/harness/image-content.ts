import type { PulledImage } from './images.js'
import { readTar } from './tar.js'

/** The bytes of a file of an image, from the last layer that has it. An image without it is an error. */
export function contentOf(image: PulledImage, path: string): Buffer {
  for (const layer of [...image.layers].reverse()) {
    for (const member of readTar(layer)) if (member.path === path && member.type === 'file') return member.content
  }
  throw new Error(`The image has no file ${path}`)
}
