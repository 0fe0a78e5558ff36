import { describe, expect, it } from '@jest/globals'
import { hasPassword, passwordsIn } from '../../../src/lib/url-logins.js'

describe('a password in a URL', () => {
  it.each<[text: string, passwords: string[]]>([
    ['https://ada:hunter22@host/r.git', ['hunter22']],
    ['HTTPS://ada:hunter22@host/r.git#main', ['hunter22']],
    ['http://ada:hunter22@host', ['hunter22']],
    ['https://ghp_token@github.com/acme/web.git', ['ghp_token']],
    ['ssh://git:hunter22@host/r.git', ['hunter22']],
    ['git://ada:hunter22@host/r', ['hunter22']],
    ['docker-image://ada:hunter22@host/web:1', ['hunter22']],
    ['https://ada:p%40ss%3Aword@host/x', ['p%40ss%3Aword', 'p@ss:word']],
    ['https://ada:p@ss@host/x', ['p@ss']],
    ['https://:hunter22@host/x', ['hunter22']],
    ['https://ada:50%@host/x.git', []],
    ['lib=https://ada:hunter22@host/r.git\nweb=https://bob:another2@host/r.git', ['hunter22', 'another2']],
    ['--build-context=lib=https://ada:hunter22@host/r.git', ['hunter22']],
    ['INDEX=https://ada:hunter22@host/simple https://host/x', ['hunter22']],
  ])('is found in %j', (text, passwords) => {
    expect(hasPassword(text)).toBe(true)
    expect(passwordsIn(text)).toStrictEqual(passwords)
  })

  it.each([
    '.',
    'https://host/r.git#main:path',
    'https://host:8443/user@name/r.git',
    'https://host/r.git?who=a:b@c',
    'ssh://git@host/r.git',
    'git@github.com:acme/web.git',
    'docker-image://alpine:3.20',
    `docker-image://alpine:3.20@sha256:${'a'.repeat(64)}`,
    `alpine:3.20@sha256:${'a'.repeat(64)}`,
    'docker-image://localhost:5000/alpine:3.20',
    '../folder:with/@strange:names',
    'https://ada:@host/r.git',
  ])('is not seen in %j', (text) => {
    expect(hasPassword(text)).toBe(false)
    expect(passwordsIn(text)).toStrictEqual([])
  })

  it('is seen where the scheme is missing', () => {
    expect(hasPassword('ada:hunter22@host/r.git')).toBe(true)
    expect(hasPassword('ada:hunter22@host:r.git')).toBe(true)
  })
})
