import * as fs from 'node:fs'
import { join } from 'node:path'

const filesPerFolder = 50
/** Words to choose from: so many that gzip makes a little more than a quarter of the text, as it does of source code. */
const vocabularySize = 1200

/**
 * What the arms of a benchmark build.
 * @typedef {object} Workload
 * @property {(base: string) => string} dockerfile
 * @property {(workspace: string) => void} write the context; the same files every time
 * @property {string} changes the file that gets one more line for the phase `changed`
 * @property {number} changedLayer which layer that makes new, counted from the end: -1 is the last
 */

/** Of eight instructions, of the kind that a service in Python has: a RUN reads the sources. @type {Workload} */
export const service = { dockerfile, write: writeSources, changes: 'src/042/07.txt', changedLayer: -2 }

/** A Dockerfile of eight instructions, of the kind that a service in Python has. */
export function dockerfile(base) {
  return `FROM ${base}
RUN apt-get update && apt-get install -y --no-install-recommends python3 git && apt-get clean
ENV LANG=C.UTF-8
WORKDIR /srv/app
COPY src src
RUN tar --create --sort=name src | gzip -9 > src.tar.gz
LABEL org.opencontainers.image.title=bench
CMD ["python3", "--version"]
`
}

/** No RUN follows the COPY of 200 files, 2 MB. @type {Workload} */
export const copied = {
  dockerfile: (base) => copyDockerfile(base, ''),
  write: (workspace) => writeTexts(workspace, { folders: 4, meanBytes: 10_000 }),
  changes: 'src/002/07.txt',
  changedLayer: -1,
}

/** The same with 1.2 GB in 2,000 files below the COPY, which don't compress. @type {Workload} */
export const copiedOnMuch = {
  ...copied,
  dockerfile: (base) => copyDockerfile(base, `RUN mkdir /srv/data && cd /srv/data && ${randomFiles}\n`),
}

const randomFiles = 'head --bytes=1200000000 /dev/urandom | split --bytes=600000 --suffix-length=4 -'

function copyDockerfile(base, below) {
  return `FROM ${base}
RUN apt-get update && apt-get install -y --no-install-recommends python3 git && apt-get clean
${below}WORKDIR /srv/app
COPY src src
CMD ["python3", "--version"]
`
}

/** Writes 5,000 files of text, 75 MB in all, into a new folder `src`; the same ones every time. */
export function writeSources(workspace) {
  writeTexts(workspace, { folders: 100, meanBytes: 15_000 })
}

function writeTexts(workspace, { folders, meanBytes }) {
  const random = randomNumbers(20_240_101)
  const words = Array.from({ length: vocabularySize }, () => randomWord(random))
  for (let folder = 0; folder < folders; folder += 1) {
    const path = join(workspace, 'src', String(folder).padStart(3, '0'))
    fs.mkdirSync(path, { recursive: true })
    for (let file = 0; file < filesPerFolder; file += 1) {
      // From a fifth of the mean to nearly twice it.
      const bytes = meanBytes * (0.2 + 1.6 * random())
      fs.writeFileSync(join(path, `${String(file).padStart(2, '0')}.txt`), randomText(random, words, bytes))
    }
  }
}

function randomText(random, words, bytes) {
  let text = ''
  while (text.length < bytes) {
    const count = 6 + Math.floor(8 * random())
    const line = Array.from({ length: count }, () => words[Math.floor(words.length * random())])
    text += `${line.join(' ')}\n`
  }
  return text
}

function randomWord(random) {
  const length = 3 + Math.floor(8 * random())
  return Array.from({ length }, () => String.fromCharCode(97 + Math.floor(26 * random()))).join('')
}

/** Numbers from 0 to below 1 that look random, the same ones for the same seed: a xorshift of 32 bits (Marsaglia). */
function randomNumbers(seed) {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}
