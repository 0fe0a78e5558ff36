import { contexts } from './random-contexts.js'
import { isNew, type Kind, modeOf } from './random-kinds.js'

const FOLDERS = ['/srv', '/etc', '/usr/lib', '/data/deep/er']

/** What shapes layers: new and old files, folders and links in one another's place, and what is gone. */
const shaping: readonly Kind[] = [
  {
    write: ({ i, text, seed }) => ({
      line: `COPY c${i} ${FOLDERS[seed % FOLDERS.length] ?? '/'}/c${i}`,
      files: { [`c${i}`]: text },
    }),
  },
  {
    write: ({ i, text }) => ({
      line: `COPY d${i} /data/`,
      files: { [`d${i}/same`]: 'same', [`d${i}/own${i}`]: text },
    }),
  },
  { write: ({ i, text }) => ({ line: `COPY o${i} /data/same`, files: { [`o${i}`]: text } }) },
  { write: ({ i, text }) => ({ line: `COPY --chown=nobody:nogroup u${i} /srv/u${i}`, files: { [`u${i}`]: text } }) },
  { write: ({ i, text }) => ({ line: `ADD a${i} /srv/a${i}`, files: { [`a${i}`]: text } }) },
  {
    write: ({ i, text }) => ({
      line: `RUN mkdir -p /data/r${i} && echo ${text} > /data/r${i}/file && ln -f /data/r${i}/file /hard${i}`,
    }),
  },
  { write: ({ i, text }) => ({ line: `RUN rm -rf /data && mkdir /data && echo ${text} > /data/run${i}` }) },
  {
    write: ({ i, text }) => ({
      line: `RUN mkdir -p /srv && ln -sfn /srv /link${i} && echo ${text} > /link${i}/through${i} && rm -f /srv/c1`,
    }),
  },
  { write: ({ i, text }) => ({ line: `ENV E${i}=${text}` }) },
  { write: ({ i, text }) => ({ line: `WORKDIR /srv/w${i}-${text}` }) },
  { write: ({ i, text }) => ({ line: `LABEL l${i}="${text}"` }) },
  {
    write: ({ i, text, from }) =>
      from === undefined
        ? { line: `COPY f${i} /data/f${i}`, files: { [`f${i}`]: text } }
        : { line: `COPY --from=${from} /out /data/f${i}-${text}` },
  },
]

const settings: readonly Kind[] = [
  { write: ({ i, text }) => ({ line: `USER ${isNew(text) ? 'nobody' : 'root'}\nWORKDIR /srv/as${i}\nUSER root` }) },
  { write: ({ i, text }) => ({ line: `SHELL ["/bin/busybox", "sh", "-${isNew(text) ? 'ec' : 'c'}"]\nENV S${i}=1` }) },
  {
    isUncertain: true,
    write: ({ i, text }) => ({ line: `LABEL "a.b/${i} \u00fc"="x \\"${text}\\" ' \\\\ # \u2028 end"` }),
  },
  { write: ({ i, text }) => ({ line: `ARG A${i}=${text}\nENV B${i}=\${A${i}:-none}` }) },
  { write: ({ text }) => ({ line: `CMD ["/bin/sh", "-c", "echo ${text}"]` }) },
  { write: ({ i }) => ({ line: `EXPOSE 80${i}/udp` }) },
  { write: ({ text }) => ({ line: `STOPSIGNAL ${isNew(text) ? 'SIGINT' : 'SIGQUIT'}` }) },
  { isOfDocker: true, write: ({ text }) => ({ line: `HEALTHCHECK --interval=5s CMD ["echo", "${text}"]` }) },
  { isOfDocker: true, write: ({ text }) => ({ line: `ENTRYPOINT ["echo", "${text}"]\nHEALTHCHECK NONE` }) },
  { isOfDocker: true, isUncertain: true, write: ({ i, text }) => ({ line: `ONBUILD RUN echo ${text} > /late${i}` }) },
  { since: '1.37.0', write: ({ i, text }) => ({ line: `VOLUME /volume${i}-${text}` }) },
]

/** What a RUN can see and leave behind. */
const runs: readonly Kind[] = [
  { write: ({ i, text }) => ({ line: `RUN cp -a /bulk /b && mv /b /bulk && echo ${text} > /moved${i}` }) },
  {
    write: ({ i, text }) => ({
      line: `RUN rm -rf /turn && ${isNew(text) ? 'ln -s /srv /turn' : 'mkdir -p /turn/in'}\nCOPY v${i} /turn/v${i}`,
      files: { [`v${i}`]: 'v' },
    }),
  },
  { write: ({ i, text }) => ({ line: `RUN chmod ${modeOf(text).toString(8)} /bulk && mkfifo /pipe${i}` }) },
  { write: ({ i, text }) => ({ line: `RUN printf ${text} > "/odd${i} $(printf 'a\\nb\\377c')"` }) },
  {
    write: ({ i, text }) => ({
      line: `RUN touch -d 2001-02-03 /bin/sh && md5sum /bulk > /sum${i} && echo ${text} >> /sum${i}`,
    }),
  },
  {
    write: ({ i, text }) => ({
      line: `RUN --mount=type=cache,target=/c${i} --mount=type=tmpfs,target=/t echo ${text} > /cached${i}`,
    }),
  },
  {
    isUncertain: true,
    write: ({ i, text }) => ({
      line: `RUN --mount=type=bind,source=b${i},target=/m cat /m > /bound${i}`,
      files: { [`b${i}`]: text },
    }),
  },
  {
    isUncertain: true,
    write: ({ i, text, from }) => ({
      line: `RUN${from === undefined ? '' : ` --mount=type=bind,from=${from},source=/out,target=/m`} echo ${text} > /from${i}; cat /m/made >> /from${i} || true`,
    }),
  },
  {
    since: '1.33.0',
    write: ({ i, text }) => ({ line: `RUN <<'EOF'\necho ${text} > /heredoc${i}\ncat /bulk > /heredoc\nEOF` }),
  },
  { since: '1.33.0', write: ({ i, text }) => ({ line: `COPY <<'EOF' /srv/heredoc${i}\n${text}\nEOF` }) },
  {
    write: ({ i, text, base }) => ({
      line: `COPY --from=${base} /etc/${isNew(text) ? 'group' : 'passwd'} /srv/image${i}`,
    }),
  },
]

export const kinds: readonly Kind[] = [...shaping, ...contexts, ...settings, ...runs]
