import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import MarkdownIt from 'markdown-it'

import { repository } from '../demo/runner.mjs'

/** Programs that are Chromium, by name; on Ubuntu, `chromium` only tells to install something else. */
const browsers = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const mermaid = join(repository, 'node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js')

/** Path of a browser, or undefined if PATH has none. */
export function findBrowser() {
  const paths = (process.env.PATH ?? '').split(':').flatMap((folder) => browsers.map((name) => join(folder, name)))
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Options that every run of the browser has. @param {string} profile a folder for what it keeps */
export function browserOptions(profile) {
  return ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', `--user-data-dir=${profile}`]
}

/** Markdown as GitHub reads it: tables, HTML where a text has any, and links where one looks like it. */
export const markdown = new MarkdownIt({ html: true, linkify: true })
markdown.linkify.set({ fuzzyLink: true, fuzzyEmail: true })

/** The URL of Mermaid's script, for a page of its own. */
export const mermaidUrl = pathToFileURL(mermaid).href

/**
 * A page that shows a job summary about as GitHub does, charts drawn. When all is drawn, `<html>` has an attribute
 * `data-height`: how high the page is, in pixels.
 * @param {string} summary Markdown
 * @param {string} fonts CSS with the fonts of the page, where the machine doesn't have them
 */
export function renderPage(summary, fonts = '') {
  const body = markdown
    .render(summary)
    .replaceAll(/<pre><code class="language-mermaid">([^]*?)<\/code><\/pre>/g, '<pre class="mermaid">$1</pre>')
  return `<!doctype html>
<meta charset="utf-8">
<style>
${fonts}
${style}
</style>
<section>
<header>image summary</header>
<article>
${body}
</article>
</section>
<script src="${mermaidUrl}"></script>
<script>
  const measure = () => { document.documentElement.dataset.height = document.documentElement.scrollHeight }
  mermaid.initialize({ startOnLoad: false, fontFamily: getComputedStyle(document.body).fontFamily })
  document.fonts.ready.then(() => mermaid.run()).catch(String).finally(measure)
</script>
`
}

/** Sizes and colours of GitHub's light theme. */
const style = `
  html { background: #fff }
  body { margin: 0; padding: 16px; width: 900px; color: #1f2328; font: 14px/1.5 "Noto Sans", Helvetica, Arial, sans-serif }
  section { border: 1px solid #d1d9e0; border-radius: 6px }
  header { padding: 12px 16px; border-bottom: 1px solid #d1d9e0; font-weight: 600 }
  article { padding: 24px 32px }
  h3, h4 { margin: 0 0 16px; font-size: 1.25em; line-height: 1.25; font-weight: 600 }
  h4 { font-size: 1em }
  p, ul, pre, table { margin: 0 0 16px }
  ul { padding-left: 2em }
  th, strong { font-weight: 600 }
  code, pre { font: 12px/1.45 "Liberation Mono", monospace }
  code { padding: 0.2em 0.4em; border-radius: 6px; background: #818b981f }
  pre { padding: 16px; border-radius: 6px; background: #f6f8fa; overflow: auto }
  pre code { padding: 0; background: none }
  table { border-collapse: collapse }
  th, td { padding: 6px 13px; border: 1px solid #d1d9e0; white-space: nowrap }
  .mermaid { margin: 0; padding: 0; background: none }
  .mermaid svg { display: block }
`
