import * as fs from 'node:fs'
import { join } from 'node:path'

const folders = 100
const filesPerFolder = 50
const meanBytes = 15_000
/** Words to choose from: so many that gzip makes a little more than a quarter of the text, as it does of source code. */
const vocabularySize = 1200

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

/** Writes 5,000 files of text, 75 MB in all, into a new folder `src`; the same ones every time. */
export function writeSources(workspace) {
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
