import { afterEach, describe, expect, it } from '@jest/globals'
import { describe as describeError } from '../../../src/errors.js'
import { type Inputs, readInputs } from '../../../src/runner/inputs.js'
import { Secret } from '../../../src/lib/secret.js'
import { everythingOf, inputsOf, logOf, refusal } from '../helpers.js'

describe('login', () => {
  it('takes user name and password together', () => {
    const { login } = inputsOf({ username: ' me ', password: ' pass word \n' })
    expect(login?.username).toBe('me')
    expect(login?.password).toBeInstanceOf(Secret)
    expect(login?.password.reveal()).toBe('pass word')
  })

  it('refuses a password without a user name', () => {
    expect(describeError(refusal(() => inputsOf({ password: 'hunter2' })))).toBe(
      'Input "username" is missing: "password" is set.\nWrite `username: ${{ github.actor }}` for ghcr.io, and `username: ${{ vars.REGISTRY_USERNAME }}` for another registry.',
    )
  })

  it.each(['', '  '])('refuses a user name with the password %j, as a fork has it', (password) => {
    expect(describeError(refusal(() => inputsOf({ username: 'me', password, push: 'true' })))).toBe(
      'Input "password" is missing or empty: "username" is "me".\n' +
        'Write `password: ${{ secrets.REGISTRY_TOKEN }}`. Secrets are empty in runs for pull requests from forks.',
    )
  })

  it('refuses it also where `outputs` pushes', () => {
    const inputs = { username: 'me', outputs: 'type=image,name=ghcr.io/acme/web,push=true' }
    expect(refusal(() => inputsOf(inputs)).message).toBe('Input "password" is missing or empty: "username" is "me".')
  })

  it.each(['', '  '])('goes without a login where nothing is pushed and the password is %j', (password) => {
    const inputs = inputsOf({ username: 'me', password, push: 'false' })
    expect(inputs.login).toBeUndefined()
    expect(inputs.notes).toStrictEqual([expect.stringMatching(/^Login: none; "password" is empty.*forks/)])
    expect(inputsOf({ username: 'me', password: 'x' }).notes).toStrictEqual([])
  })
})

describe('secrets', () => {
  const revealed = (inputs: Inputs) =>
    inputs.secrets.map(({ id, source }) => [id, 'value' in source ? source.value.reveal() : source])

  it.each([
    ['token=abc', [['token', 'abc']]],
    [
      'token=a=b==\nother.id-1_x=c',
      [
        ['token', 'a=b=='],
        ['other.id-1_x', 'c'],
      ],
    ],
    ['token=a,"b,c"', [['token', 'a,"b,c"']]],
    ['cfg={"scopes":["read","write","admin"]}', [['cfg', '{"scopes":["read","write","admin"]}']]],
    [
      'a={"x":["1","2"]}\r\nb=2\nc=3',
      [
        ['a', '{"x":["1","2"]}'],
        ['b', '2'],
        ['c', '3'],
      ],
    ],
    ['token={"user":"me","keys":["a","b"]}', [['token', '{"user":"me","keys":["a","b"]}']]],
    ['"pem=-----BEGIN-----\nAb+/==\n-----END-----\n"', [['pem', '-----BEGIN-----\nAb+/==\n-----END-----\n']]],
    ['"json={""a"": ""b""}"', [['json', '{"a": "b"}']]],
    [' token = padded ', [['token', ' padded ']]],
  ])('%j', (text, expected) => {
    expect(revealed(inputsOf({ secrets: text }))).toStrictEqual(expected)
  })

  it('come from the environment that the step names', () => {
    const inputs = inputsOf({ 'secret-envs': 'a=TOKEN, b=OTHER' }, { TOKEN: 'x y\n', OTHER: 'z' })
    expect(revealed(inputs)).toStrictEqual([
      ['a', 'x y\n'],
      ['b', 'z'],
    ])
  })

  it('come from files, whose paths stay as they are', () => {
    expect(inputsOf({ 'secret-files': 'a=keys/my, key.pem\nb=/abs' }).secrets).toStrictEqual([
      { id: 'a', source: { path: 'keys/my, key.pem' } },
      { id: 'b', source: { path: '/abs' } },
    ])
  })

  it.each([
    ['secrets', 'A=\nB=x', 'A'],
    ['secret-envs', 'A=,B=HOME', 'A'],
    ['secret-envs', 'A=EMPTY,B=HOME', 'A'],
    ['secret-files', 'B=x\nA=', 'A'],
  ])('of %s, one that is empty is left out with a warning: %j', (name, text, id) => {
    const { secrets, warnings } = inputsOf({ [name]: text }, { HOME: '/root', EMPTY: '' })
    expect(secrets.map((secret) => secret.id)).toStrictEqual(['B'])
    expect(warnings).toStrictEqual([
      `${name}: "${id}" is empty and is left out. It is not set, or not passed to this run: pull requests from forks get no secrets.`,
    ])
  })

  it('may have comments between them', () => {
    expect(revealed(inputsOf({ secrets: '# a=1\nb=#2\n  # c' }))).toStrictEqual([['b', '#2']])
  })

  it.each([
    ['pem=-----BEGIN KEY-----\nabc', 'pem', 'PEM'],
    ['my-key.1=-----BEGIN KEY-----\nabc', 'my-key.1', 'MY_KEY_1'],
    // Its lines may look like secrets: only the first id is sure to be none of it.
    ['pem=-----BEGIN KEY-----\nQmFzZTY0Cg==\nabc', 'token', 'TOKEN'],
    ['abc', 'token', 'TOKEN'],
  ])('of several lines without quotes are refused, with how to quote them: %j', (text, id, variable) => {
    const error = refusal(() => inputsOf({ secrets: text }))
    expect(error.message).toBe('Input "secrets": an entry isn\'t in the form id=value.')
    expect(error.hint).toContain(
      `Quote a multi-line value as a whole:\nsecrets: |\n  "${id}=\${{ secrets.${variable} }}"\n`,
    )
    expect(error.hint).toContain(`\`secret-envs: ${id}=${variable}\``)
    expect(everythingOf(error)).not.toMatch(/QmFz|abc/)
  })

  it('say which variable is missing, with the line to paste', () => {
    expect(describeError(refusal(() => inputsOf({ 'secret-envs': 'token=NPM_TOKEN' })))).toContain(
      '`NPM_TOKEN: ${{ secrets.NPM_TOKEN }}`',
    )
  })

  it.each([
    { secrets: 'a=1\na=2' },
    { secrets: 'a=1', 'secret-files': 'a=file' },
    { 'secret-files': 'a=file\nb=file\na=other' },
  ])('refuse an id that is given twice: %j', (values) => {
    expect(refusal(() => inputsOf(values)).message).toBe(
      'Inputs "secrets", "secret-envs" and "secret-files": the ID "a" is given twice.',
    )
  })
})

describe('no error shows a secret', () => {
  const secret = 'hunter2/S3cret+Bytes=='
  const env = { TOKEN: secret }

  it.each([
    ['no id', { secrets: `=${secret}` }],
    ['no name at all', { secrets: secret.replaceAll('=', '') }],
    ['a bad id', { secrets: `my id=${secret}` }],
    ['a quote that is not closed', { secrets: `"token=${secret}` }],
    ['a quote that is closed too early', { secrets: `"token=${secret}" tail` }],
    ['several lines without quotes', { secrets: `token=first\n${secret.replaceAll('=', '')}\nlast` }],
    ['an id that is given twice', { secrets: `token=${secret}\ntoken=${secret}` }],
    ['an id that is given twice, once from the environment', { secrets: 'token=x', 'secret-envs': 'token=TOKEN' }],
    ['a line of secret-envs without a name', { 'secret-envs': secret.replaceAll('=', '') }],
    ['the secret itself where its variable should stand', { 'secret-envs': `token=${secret}` }],
    ['the secret itself, which could be the name of a variable', { 'secret-envs': 'token=ghp_hunter2' }],
    ['a line of secret-files without a name', { 'secret-files': secret.replaceAll('=', '') }],
    ['a password without a user name', { password: secret }],
    ['another mistake', { username: 'me', password: secret, secrets: `a=${secret}`, outputs: 'x=y' }],
    ['another mistake, the last one that is looked for', { password: secret, username: 'me', rootless: 'maybe' }],
  ])('%s', (_, values) => {
    const error = refusal(() => inputsOf(values, env))
    expect(everythingOf(error)).not.toContain('hunter2')
    expect(everythingOf(error)).not.toContain('S3cret')
  })

  it('nor do the inputs themselves when they are printed', () => {
    const inputs = inputsOf({ username: 'me', password: secret, secrets: `a=${secret}`, 'secret-envs': 'b=TOKEN' }, env)
    expect(everythingOf(inputs)).not.toContain('hunter2')
    expect(String(inputs.login?.password)).toBe('***')
  })
})

describe('readInputs', () => {
  const variables = ['INPUT_BUILD-ARGS', 'INPUT_SECRETS', 'INPUT_SECRET-ENVS', 'INPUT_USERNAME', 'INPUT_PASSWORD']
  afterEach(() => {
    for (const name of variables) Reflect.deleteProperty(process.env, name)
  })

  it('reads what the runner hands over and has it mask every secret, line by line', async () => {
    process.env['INPUT_BUILD-ARGS'] = 'A=1\nINDEX=https://ada:hunter33@host/simple\n'
    process.env['INPUT_SECRETS'] = '"pem=-----BEGIN-----\nabcdef%\n}\n"'
    process.env['INPUT_SECRET-ENVS'] = 'token=TOKEN'
    process.env['INPUT_USERNAME'] = 'me'
    process.env['INPUT_PASSWORD'] = 'hunter2'
    let inputs: Inputs | undefined
    const log = await logOf(() => {
      inputs = readInputs({ TOKEN: 't0ken' })
    })
    expect(inputs?.buildArgs).toStrictEqual([
      { name: 'A', value: '1' },
      { name: 'INDEX', value: 'https://ada:hunter33@host/simple' },
    ])
    expect(inputs?.secrets.map(({ id }) => id)).toStrictEqual(['pem', 'token'])
    // The lone bracket stays: to mask it would blank half of the log. The runner masks each line of what it is handed, so
    // that it isn't handed all of them together.
    expect(log.trim().split('\n').sort()).toStrictEqual(
      [
        '::add-mask::-----BEGIN-----',
        '::add-mask::abcdef%25',
        '::add-mask::t0ken',
        '::add-mask::hunter2',
        '::add-mask::hunter33',
      ].sort(),
    )
  })
})
