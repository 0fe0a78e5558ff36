import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

import MarkdownIt from 'markdown-it'

import { run } from './command.js'
import { makeFolder } from './folders.js'
import { repository } from './runner-files.js'

/** Programs that are Chromium, by name; on Ubuntu it is one that only tells to install something else. */
const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const mermaid = join(repository, 'node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js')

/** Where a browser is, or the reason why there is none. */
export function findBrowser(): { readonly program: string } | string {
  for (const folder of (process.env['PATH'] ?? '').split(':')) {
    for (const name of names) {
      try {
        accessSync(join(folder, name), constants.X_OK)
        return { program: join(folder, name) }
      } catch {
        // Not here.
      }
    }
  }
  return `no ${names[0] ?? ''} here`
}

/** Markdown as GitHub reads it: tables, HTML where a text has any, and links where one looks like it. */
export const markdown = new MarkdownIt({ html: true, linkify: true })
markdown.linkify.set({ fuzzyLink: true, fuzzyEmail: true })

export interface Page {
  /** The page as it is when all is drawn. */
  readonly dom: string
  /** Path of its picture. */
  readonly picture: string
}

/** Shows a summary in a browser, charts drawn, about as GitHub does. */
export async function showSummary(summary: string, program: string): Promise<Page> {
  const folder = makeFolder('summary')
  const page = join(folder, 'summary.html')
  const picture = join(process.env['SUMMARY_PICTURE'] ?? join(folder, 'summary.png'))
  mkdirSync(dirname(picture), { recursive: true })
  writeFileSync(page, pageOf(summary))
  const common = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${join(folder, 'profile')}`]
  const open = [...common, '--virtual-time-budget=20000', '--window-size=1000,1100']
  const dom = (await run(program, [...open, '--dump-dom', pathToFileURL(page).href])).toString()
  await run(program, [...open, `--screenshot=${picture}`, pathToFileURL(page).href])
  return { dom, picture }
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
  const page = join(folder, 'charts.html')
  const script = `
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
    page,
    `<!doctype html><meta charset="utf-8"><body></body><script src="${pathToFileURL(mermaid).href}"></script><script>${script}</script>`,
  )
  const common = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${join(folder, 'profile')}`]
  const dom = await run(program, [...common, '--virtual-time-budget=60000', '--dump-dom', pathToFileURL(page).href])
  const [, text = ''] = /<body>([\w+/=]*)/.exec(dom.toString()) ?? []
  return JSON.parse(decodeURIComponent(Buffer.from(text, 'base64').toString())) as Chart[]
}

function pageOf(summary: string): string {
  const body = markdown
    .render(summary)
    .replaceAll(/<pre><code class="language-mermaid">([^]*?)<\/code><\/pre>/g, '<pre class="mermaid">$1</pre>')
  return `<!doctype html>
<meta charset="utf-8">
<style>
  body { font: 14px/1.5 sans-serif; margin: 24px; width: 900px }
  code, pre { font: 12px monospace; background: #f0f1f3; border-radius: 6px; padding: 2px 5px }
  pre { padding: 12px; overflow: auto }
  pre code { padding: 0 }
  .mermaid { background: none }
  table { border-collapse: collapse }
  td, th { border: 1px solid #d0d7de; padding: 6px 13px }
</style>
${body}
<script src="${pathToFileURL(mermaid).href}"></script>
<script>mermaid.initialize({ startOnLoad: false }); mermaid.run().catch(String)</script>
`
}
