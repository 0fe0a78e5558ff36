import { netRawCapability } from './awkward-tar.js'
import { isNew, type Kind, modeOf } from './random-kinds.js'

/** What of the context changes without its text: what is there, how it looks, and how it is linked. */
const changed: readonly Kind[] = [
  {
    write: ({ i, text }) => ({
      line: `COPY m${i} /srv/m${i}`,
      files: { [`m${i}`]: { content: 'm', mode: modeOf(text) } },
    }),
  },
  {
    write: ({ i, text }) => ({
      line: `COPY l${i} /srv/l${i}`,
      files: { [`l${i}/to`]: 'to', [`l${i}/link`]: { link: isNew(text) ? 'to' : '../gone' }, [`l${i}/last`]: text },
    }),
  },
  {
    write: ({ i, text }) => ({
      line: `COPY h${i} /srv/h${i}`,
      files: {
        [`h${i}/one`]: text,
        [`h${i}/two`]: isNew(text) ? text : { hardLink: `h${i}/one` },
      },
    }),
  },
  {
    write: ({ i, text }) => ({
      line: `COPY g${i} /srv/g${i}`,
      files: { [`g${i}/stays`]: 'stays', ...(isNew(text) ? {} : { [`g${i}/goes`]: 'goes' }) },
    }),
  },
  {
    // Two of them don't add up, and one is enough.
    write: ({ i, text }) => ({
      line: `COPY i${i} /srv/i${i}`,
      files: { [`i${i}/in`]: 'in', [`i${i}/out`]: 'out', '.dockerignore': isNew(text) ? `i${i}/out\n` : 'none\n' },
    }),
  },
  {
    write: ({ i, text }) => ({
      line: `ADD t${i}.tar /data/t${i}`,
      files: { [`t${i}.tar`]: { archive: { [`deep/${i}`]: text, same: 'same' } } },
    }),
  },
]

/** What changes there without a new text: names, places, owners, times and attributes. */
const rearranged: readonly Kind[] = [
  {
    write: ({ i, text }) => ({
      line: `COPY n${i} /srv/n${i}`,
      files: { [`n${i}/${isNew(text) ? 'after' : 'before'}`]: 'renamed', [`n${i}/stays`]: 'stays' },
    }),
  },
  {
    write: ({ i, text }) => ({
      line: `COPY s${i} /srv/s${i}`,
      files: { [`s${i}/one`]: isNew(text) ? 'two' : 'one', [`s${i}/two`]: isNew(text) ? 'one' : 'two' },
    }),
  },
  {
    write: ({ i, text }) => ({
      line: `COPY k${i} /srv/k${i}`,
      files: { [`k${i}/to/in`]: 'in', ...(isNew(text) ? { [`k${i}/x`]: { link: 'to' } } : { [`k${i}/x/in`]: 'x' }) },
    }),
  },
  {
    write: ({ i, text }) => ({
      line: `COPY k${i} /srv/k${i}`,
      files: { [isNew(text) ? `k${i}/x/in` : `k${i}/x`]: 'x' },
    }),
  },
  {
    write: ({ i, text }) => ({
      line: `COPY e${i} /srv/e${i}`,
      files: { [`e${i}`]: { content: 'e', mtime: isNew(text) ? 1_500_000_000 : 1_600_000_000 } },
    }),
  },
  {
    write: ({ i, text }) => ({
      line: `COPY x${i} /srv/x${i}`,
      files: { [`x${i}`]: { content: 'x', attributes: { 'user.text': Buffer.from(text) } } },
    }),
  },
  {
    write: ({ i, text }) => ({
      line: `ADD y${i}.tar /data/y${i}`,
      files: { [`y${i}.tar`]: { archived: text, attributes: { 'security.capability': netRawCapability } } },
    }),
  },
  {
    write: ({ i, text }) => ({
      line: `COPY w${i}-* /srv/w${i}/`,
      files: { [`w${i}-a`]: 'a', [`w${i}-b`]: 'b', ...(isNew(text) ? { [`w${i}-c`]: 'c' } : {}) },
    }),
  },
  {
    write: ({ i, text }) => ({
      line: `COPY --chmod=${modeOf(text).toString(8)} --chown=1${i}:20000 p${i} /data/`,
      files: { [`p${i}/in`]: 'in', [`p${i}/deep/er`]: 'deeper' },
    }),
  },
  {
    since: '1.41.0',
    write: ({ i, text }) => ({ line: `COPY --link q${i} /linked/q${i}`, files: { [`q${i}/in`]: text } }),
  },
  {
    // The Dockerfile is in there, too.
    isUncertain: true,
    write: ({ i, text }) => ({ line: `COPY . /all${i}`, files: { [`all${i}`]: text } }),
  },
  {
    write: ({ i, text, from }) =>
      from === undefined
        ? { line: `COPY --chown=${isNew(text) ? 'nobody' : '7:8'} z${i} /srv/z${i}`, files: { [`z${i}`]: 'z' } }
        : { line: `COPY --from=${from} --chown=${isNew(text) ? 'nobody' : '7:8'} /out /srv/z${i}` },
  },
]

export const contexts: readonly Kind[] = [...changed, ...rearranged]
