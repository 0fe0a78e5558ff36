import { describe, expect, it } from '@jest/globals'
import { withStagesSpelled } from '../../../src/dockerfile/stage-spelling.js'

const NODE = 'FROM base AS Node\nRUN true\n'

describe('the names of stages', () => {
  it.each<[text: string, spelled: string]>([
    [`${NODE}FROM base\nCOPY --from=node /o /o\n`, `${NODE}FROM base\nCOPY --from=Node /o /o\n`],
    [`${NODE}FROM node\nRUN true\n`, `${NODE}FROM Node\nRUN true\n`],
    [`${NODE}FROM NODE AS node2\nFROM NODE2\n`, `${NODE}FROM Node AS node2\nFROM node2\n`],
    [`${NODE}from --platform=linux/amd64 node as node3\n`, `${NODE}from --platform=linux/amd64 Node as node3\n`],
    [
      `${NODE}FROM base\nRUN --mount=from=node,target=/n --mount=type=bind,from=NODE,target=/m cat --from=node\n`,
      `${NODE}FROM base\nRUN --mount=from=Node,target=/n --mount=type=bind,from=Node,target=/m cat --from=node\n`,
    ],
    [
      `${NODE}FROM base\n# --from=node\nCOPY \\\n  # a remark\n  --chown=1 --from=node \\\n  /o /o\nRUN echo node\n`,
      `${NODE}FROM base\n# --from=node\nCOPY \\\n  # a remark\n  --chown=1 --from=Node \\\n  /o /o\nRUN echo node\n`,
    ],
    [
      `${NODE}FROM base\r\nCOPY --from=node /o /o\r\nCOPY --from=node /p /p`,
      `${NODE}FROM base\r\nCOPY --from=Node /o /o\r\nCOPY --from=Node /p /p`,
    ],
    // The last one before it is the one that counts.
    [`FROM a AS X.1\nFROM a AS x.1\nFROM a\nCOPY --from=X.1 /o /o\nCOPY --from=x.1 /o /o\n`, ''],
    [`FROM a AS É\nFROM é\n`, `FROM a AS É\nFROM É\n`],
  ])('of %j are those that they have: %j', (text, spelled) => {
    expect(withStagesSpelled(text)).toBe(spelled === '' ? undefined : spelled)
  })

  it.each([
    `${NODE}FROM base\nCOPY --from=Node /o /o\n`,
    `${NODE}FROM base\nCOPY --from=other /o /o\n`,
    // No stage before it.
    'FROM base\nCOPY --from=node /o /o\nFROM base AS Node\n',
    // What only the engine can read.
    `ARG B=node\n${NODE}FROM $B\n`,
    `${NODE}FROM base\nCOPY --from=no\\\nde /o /o\n`,
    'not a Dockerfile',
  ])('are left alone in %j', (text) => {
    expect(withStagesSpelled(text)).toBeUndefined()
  })
})
