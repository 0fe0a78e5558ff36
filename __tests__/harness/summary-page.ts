import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

import type MarkdownIt from 'markdown-it'

import { run } from './command.js'
import { makeFolder } from './folders.js'

// A script has no types; in a variable, its path is not one that TypeScript looks up.
const script = '../../scripts/picture/page.mjs'
const page = (await import(script)) as {
  readonly findBrowser: () => string | undefined
  readonly browserOptions: (profile: string) => string[]
  readonly markdown: InstanceType<typeof MarkdownIt>
  readonly mermaidUrl: string
  readonly renderPage: (summary: string) => string
}

/** Where a browser is, or the reason why there is none. */
export function findBrowser(): { readonly program: string } | string {
  const program = page.findBrowser()
  return program === undefined ? 'no chromium here' : { program }
}

/** Markdown as GitHub reads it. */
export const { markdown } = page

/**
 * Shows a summary in a browser, charts drawn, about as GitHub does. Where the environment variable SUMMARY_PICTURE names
 * a file, it gets a picture of it.
 * @returns the page as it is when all is drawn
 */
export async function showSummary(summary: string, program: string): Promise<string> {
  const folder = makeFolder('summary')
  const file = join(folder, 'summary.html')
  writeFileSync(file, page.renderPage(summary))
  const options = [...page.browserOptions(join(folder, 'profile')), '--virtual-time-budget=20000']
  const open = [...options, '--window-size=1000,1100']
  const dom = (await run(program, [...open, '--dump-dom', pathToFileURL(file).href])).toString()
  const picture = process.env['SUMMARY_PICTURE']
  if (picture !== undefined) {
    mkdirSync(dirname(picture), { recursive: true })
    await run(program, [...open, `--screenshot=${picture}`, pathToFileURL(file).href])
  }
  return dom
}

/** What Mermaid itself reads in a chart. */
export interface Chart {
  /** Why it can't read it. */
  readonly error?: string
  readonly sections?: readonly string[]
  readonly tasks?: readonly string[]
}

/** Has Mermaid read charts, in a browser, since it does so nowhere else. */
export async function readCharts(charts: readonly string[], program: string): Promise<Chart[]> {
  const folder = makeFolder('charts')
  const file = join(folder, 'charts.html')
  const code = `
    const read = async (text) => {
      try {
        const { db } = await mermaid.mermaidAPI.getDiagramFromText(text)
        const tasks = db.getTasks()
        return { sections: db.getSections(), tasks: tasks.map(({ task, startTime, endTime }) => task.trim() + (endTime > startTime ? '' : ' (no time)')) }
      } catch (error) {
        return { error: String(error) }
      }
    }
    mermaid.initialize({ startOnLoad: false });
    (async () => {
      const charts = []
      for (const text of ${JSON.stringify(charts).replaceAll('<', '\\u003c')}) charts.push(await read(text))
      document.body.textContent = btoa(encodeURIComponent(JSON.stringify(charts)))
    })()`
  writeFileSync(
    file,
    `<!doctype html><meta charset="utf-8"><body></body><script src="${page.mermaidUrl}"></script><script>${code}</script>`,
  )
  const options = [...page.browserOptions(join(folder, 'profile')), '--virtual-time-budget=60000']
  const dom = await run(program, [...options, '--dump-dom', pathToFileURL(file).href])
  const [, text = ''] = /<body>([\w+/=]*)/.exec(dom.toString()) ?? []
  return JSON.parse(decodeURIComponent(Buffer.from(text, 'base64').toString())) as Chart[]
}
