import fc from 'fast-check'

import { isExhaustive } from './test-set.js'

/** Pieces that mean something to a runner, to Markdown, to HTML, to Mermaid or to a terminal. */
const pieces = [
  // workflow commands
  ...['::', '::error::x', '::set-output name=digest::forged', '::add-mask::x', '::stop-commands::x', '::endgroup::'],
  ...['##[', '##[error]x', '##[set-env name=PATH]/x', '####[group]', '%0A', '%0D', '%25', '%3A', '%2C'],
  // command files
  ...['imageid=forged', 'digest<<EOF', 'EOF', 'ghadelimiter_', 'ghadelimiter_00000000-0000-0000-0000-000000000000'],
  ...['\nEOF\n', '\nEOF\ndigest=forged\n', '\n::error::x\n', '\n```\n', '\n\n# x\n\n', '\n    section x\n'],
  // ends of lines, and what some take for one
  ...[
    '\n',
    '\r',
    '\r\n',
    '\n\n',
    '\u0085',
    '\u2028',
    '\u2029',
    '\u000b',
    '\u000c',
    '\t',
    ' ',
    '    ',
    '\u00a0',
    '\ufeff',
  ],
  // control and format characters, half characters
  ...[
    '\u0000',
    '\u0007',
    '\u0008',
    '\u001b[31m',
    '\u001b]8;;x\u0007',
    '\u200b',
    '\u202e',
    '\u00ad',
    '\ud800',
    '\udc00',
  ],
  // Markdown
  ...[
    '`',
    '``',
    '```',
    '~~~',
    '|',
    '\\',
    '\\|',
    '# x',
    '#### x',
    '- x',
    '1. x',
    '> x',
    '---',
    '| --- | --- |',
    '***',
    '__x__',
  ],
  ...[
    '[x](http://x.invalid)',
    '![x](x)',
    '[x]: http://x.invalid',
    'http://example.com',
    'www.example.com',
    '<http://x.invalid>',
  ],
  ...['me@example.com', '@acme', '#1', '$x$', '$$', '&lt;', '&#60;', '~~x~~', '[^1]', '[ ] x', ':x:'],
  // HTML
  ...[
    '<script>',
    '</script>',
    '</details>',
    '<!--',
    '-->',
    '<![CDATA[',
    '<?',
    '<img src=x onerror=y>',
    '</td>',
    '</code>',
  ],
  // Mermaid
  ...[
    'gantt',
    'section x',
    'title x',
    'dateFormat x',
    'excludes x',
    'click x',
    'done, ',
    ':done, 1, 2',
    ';',
    '%%',
    '%%{init: {}}%%',
  ],
  ...['accDescr {', 'accTitle: x', '#quot;', '#35;', 'end', 'vert', 'milestone, ', 'todayMarker off'],
]

/** Texts that nobody in their right mind would write into a Dockerfile, a tag or a branch. */
export const hostileText = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...pieces) },
      { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 8 }) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
      // Any UTF-16, halves of characters among it.
      {
        weight: 1,
        arbitrary: fc.array(fc.nat(0xffff), { maxLength: 8 }).map((codes) => String.fromCharCode(...codes)),
      },
    ),
    { maxLength: 12 },
  )
  .map((texts) => texts.join(''))

/** Always the same texts, and others each time in the exhaustive set; where one fails, its seed is in the message. */
export const seeds: readonly (readonly [name: string, seed: number])[] = [
  ['a fixed seed', 20_261_124],
  ...(isExhaustive ? [['a random seed', Date.now()] as const] : []),
]
