import { describe, expect, it } from '@jest/globals'
import { registryMirrors } from '../../../src/runner/registry-mirrors.js'
import { reader, refusal } from '../helpers.js'

const read = (text: string) => registryMirrors(reader({ 'registry-mirrors': text }))

describe('registry-mirrors', () => {
  it('are pairs of a registry and a mirror, with or without a path', () => {
    expect(
      read('docker.io = mirror.example/hub/\nindex.docker.io=127.0.0.1:5000\nghcr.io/acme=m.example'),
    ).toStrictEqual([
      { prefix: 'docker.io', registry: 'mirror.example', location: 'mirror.example/hub' },
      { prefix: 'docker.io', registry: '127.0.0.1:5000', location: '127.0.0.1:5000' },
      { prefix: 'ghcr.io/acme', registry: 'm.example', location: 'm.example' },
    ])
    expect(read('')).toStrictEqual([])
  })

  it.each(['mirror.example', 'docker.io=', '=m.example', 'a.b=c.d=e.f', 'docker.io=m.example/x:1', 'docker.io=mirror'])(
    '%j is refused',
    (text) => {
      const { message } = refusal(() => read(text))
      expect(message).toContain(`Input "registry-mirrors": got ${JSON.stringify(text)}.`)
      expect(message).toContain('Write a registry and its mirror, one pair a line: `docker.io=mirror.example/path`.')
    },
  )
})
