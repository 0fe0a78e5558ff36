/**
 * The picture in README.md, docs/images/job-summary.png: the job summary of a real run, in a browser.
 *
 *   node scripts/picture.mjs
 *
 * Builds a service twice as a runner does, on machines that have never seen the action, and pushes it to a registry on
 * loopback; before the second run, one source file changes. Takes the summary of that run. For Debian or Ubuntu with
 * Chromium, after `npm ci`, as root or with a sudo that asks for no password; Buildah and debootstrap are installed if
 * they are missing, and stay.
 */
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { accountOfAction, removeNewTraces, tracesOf } from './bench/account.mjs'
import { provideBase, pushLayout } from './bench/base-image.mjs'
import { runCachedStep } from './bench/cache-action.mjs'
import { startService } from './bench/cache-service.mjs'
import { forgetMachine, makeJob } from './bench/step.mjs'
import { DemoError, run, startRegistry, unpackPackages } from './demo/machine.mjs'
import { repository } from './demo/runner.mjs'
import { browserOptions, findBrowser, renderPage } from './picture/page.mjs'
import { dockerfile, sources } from './picture/service.mjs'

const picture = join(repository, 'docs/images/job-summary.png')
const mostBytes = 150_000

async function main() {
  const browser = findBrowser()
  if (browser === undefined) throw new DemoError('There is no Chromium on PATH: apt-get install chromium')
  const before = tracesOf(accountOfAction)
  const folder = fs.mkdtempSync(join(tmpdir(), 'rootless-image-build-picture-'))
  fs.chmodSync(folder, 0o755)
  try {
    const packages = join(folder, 'packages')
    unpackPackages(['docker-registry', 'fonts-noto-core', 'fonts-liberation', 'pngquant', 'libimagequant0'], packages)
    const summary = await summaryOfSecondRun(folder, packages)
    draw(browser, { folder, packages, summary })
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
    removeNewTraces(accountOfAction, before)
  }
  const { size } = fs.statSync(picture)
  console.log(`${picture}: ${Math.ceil(size / 1000)} KB`)
  if (size > mostBytes) throw new DemoError(`The picture has more than ${mostBytes / 1000} KB`)
}

/** The Markdown of the summary of a run in which one file has changed. */
async function summaryOfSecondRun(folder, packages) {
  const program = join(packages, 'usr/bin/docker-registry')
  // The port that every example of a local registry has.
  const registry = await startRegistry(program, join(folder, 'registry'), { name: 'localhost', port: 5000 })
  const service = await startService(join(folder, 'service'))
  try {
    const layout = provideBase(folder, console.log)
    await pushLayout(layout, registry.host, 'library/debian', '12')
    const job = join(folder, 'job')
    makeJob(job, { Dockerfile: dockerfile(`${registry.host}/library/debian:12`), ...sources('Hello') })
    const names = { images: `${registry.host}/acme/web`, tags: '1.4.2\nlatest' }
    const inputs = { ...names, push: 'true', 'tls-verify': 'false' }
    await runCachedStep(job, inputs, service)
    forgetMachine(job)
    fs.writeFileSync(join(job, 'workspace/greeting.py'), sources('Good morning')['greeting.py'])
    await runCachedStep(job, inputs, service)
    const summary = fs.readFileSync(join(job, 'STEP_SUMMARY'), 'utf8')
    if (/^#### Warnings$|more than it saved/m.test(summary))
      throw new DemoError(`The machine is too busy for a picture, the summary says:\n${summary}`)
    return summary
  } finally {
    await service.stop()
    registry.stop()
  }
}

/** The fonts that GitHub asks for first and that are free, from packages that are not installed. */
function fontsBelow(packages) {
  const faces = [
    ['Noto Sans', 400, 'noto/NotoSans-Regular.ttf'],
    ['Noto Sans', 600, 'noto/NotoSans-Bold.ttf'],
    ['Liberation Mono', 400, 'liberation/LiberationMono-Regular.ttf'],
  ]
  return faces
    .map(([family, weight, path]) => {
      const url = pathToFileURL(join(packages, 'usr/share/fonts/truetype', path)).href
      return `@font-face { font-family: "${family}"; font-weight: ${weight}; src: url("${url}") }`
    })
    .join('\n')
}

/** Shows the summary in the browser twice: to learn how high it is, and for the picture. */
function draw(browser, { folder, packages, summary }) {
  const file = join(folder, 'summary.html')
  fs.writeFileSync(file, renderPage(summary, fontsBelow(packages)))
  const options = [...browserOptions(join(folder, 'profile')), '--virtual-time-budget=20000']
  const url = pathToFileURL(file).href
  const dom = run(browser, [...options, '--window-size=932,1000', '--dump-dom', url])
  const height = /data-height="(\d+)"/.exec(dom)?.[1]
  if (height === undefined || !dom.includes('aria-roledescription="gantt"'))
    throw new DemoError('The browser has not drawn the page and its chart to the end')
  const sharp = ['--force-device-scale-factor=2', `--window-size=932,${height}`]
  const large = join(folder, 'large.png')
  run(browser, [...options, ...sharp, `--screenshot=${large}`, url])
  shrink(packages, large)
}

/** Writes the picture with as many colours as it needs: a chart and black text have few. */
function shrink(packages, large) {
  const libraries = join(packages, 'usr/lib')
  const paths = fs.readdirSync(libraries).map((name) => join(libraries, name))
  fs.mkdirSync(dirname(picture), { recursive: true })
  run(join(packages, 'usr/bin/pngquant'), ['--speed', '1', '--strip', '--force', '--output', picture, '64', large], {
    env: { ...process.env, LD_LIBRARY_PATH: paths.join(':') },
  })
}

try {
  await main()
} catch (error) {
  console.error(error instanceof DemoError ? error.message : error)
  process.exitCode = 1
}
