import { describe, expect, it } from '@jest/globals'
import { parseAuthFile } from '../../../src/auth/auth-file.js'
import { findLogin } from '../../../src/auth/keychain.js'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../helpers.js'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const ecr = '123456789012.dkr.ecr.eu-central-1.amazonaws.com'
/** As long as those of Amazon ECR: base64 of JSON, with line ends of none. */
const ecrToken = base64(JSON.stringify({ payload: 'x'.repeat(1600), datakey: 'y'.repeat(300), version: '2' }))
const acrToken = `eyJhbGciOiJSUzI1NiJ9.${base64('{"aud":"acme.azurecr.io"}')}.c2ln`

/**
 * What the actions of docs/login.md leave in config.json, by their sources and that of the client that they log in with: it
 * makes a host of a URL such as Amazon's `https://…`; azure/docker-login writes the file itself, with the key that it is given.
 */
const LEFT = [
  {
    action: 'docker/login-action, with Docker Hub’s OIDC',
    config: { auths: { 'https://index.docker.io/v1/': { auth: base64('acme:dckr_jwt_x.y.z') } } },
    where: 'docker.io/acme/web',
    login: { kind: 'password', username: 'acme', secret: 'dckr_jwt_x.y.z' },
  },
  {
    action: 'aws-actions/amazon-ecr-login',
    config: { auths: { [ecr]: { auth: base64(`AWS:${ecrToken}`) } } },
    where: `${ecr}/web`,
    login: { kind: 'password', username: 'AWS', secret: ecrToken },
  },
  {
    action: 'aws-actions/amazon-ecr-login, with registries of several accounts',
    config: {
      auths: {
        '210987654321.dkr.ecr.eu-central-1.amazonaws.com': { auth: base64('AWS:other') },
        [ecr]: { auth: base64(`AWS:${ecrToken}`) },
      },
    },
    where: `${ecr}/web`,
    login: { kind: 'password', username: 'AWS', secret: ecrToken },
  },
  {
    action: 'aws-actions/amazon-ecr-login, with registry-type: public',
    config: { auths: { 'public.ecr.aws': { auth: base64(`AWS:${ecrToken}`) } } },
    where: 'public.ecr.aws/acme/web',
    login: { kind: 'password', username: 'AWS', secret: ecrToken },
  },
  {
    action: 'azure/docker-login, in the form of a URL',
    config: { auths: { 'https://acme.azurecr.io': { auth: base64('acme:x:y=z') } } },
    where: 'acme.azurecr.io/web',
    login: { kind: 'password', username: 'acme', secret: 'x:y=z' },
  },
  {
    action: 'google-github-actions/auth, with docker/login-action',
    config: { auths: { 'europe-docker.pkg.dev': { auth: base64('oauth2accesstoken:ya29.x-y_z') } } },
    where: 'europe-docker.pkg.dev/acme/images/web',
    login: { kind: 'password', username: 'oauth2accesstoken', secret: 'ya29.x-y_z' },
  },
  {
    action: 'gcloud auth configure-docker',
    config: { credHelpers: { 'europe-docker.pkg.dev': 'gcloud' } },
    where: 'europe-docker.pkg.dev/acme/images/web',
    login: { kind: 'password', username: '_dcgcloud_token', secret: 'ya29.x-y_z' },
  },
  {
    action: 'azure/login, with az acr login',
    config: {
      auths: {
        'acme.azurecr.io': { auth: base64('00000000-0000-0000-0000-000000000000:'), identitytoken: acrToken },
      },
    },
    where: 'acme.azurecr.io/web',
    login: { kind: 'identity', username: '00000000-0000-0000-0000-000000000000', secret: acrToken },
  },
] as const

describe('a login that is left by', () => {
  it.each(LEFT)('$action is found', async ({ config, where, login }) => {
    const folder = temporaryFolder()
    const helper = join(folder, 'docker-credential-gcloud')
    writeFileSync(helper, `#!/bin/sh\necho '{"Username":"_dcgcloud_token","Secret":"ya29.x-y_z"}'\n`)
    chmodSync(helper, 0o755)
    const [registry = '', ...path] = where.split('/')
    const logins = parseAuthFile(JSON.stringify(config), '/config.json')
    const found = await findLogin(registry, path.join('/'), { logins, env: { PATH: `${folder}:/usr/bin:/bin` } })
    const secret = found?.kind === 'identity' ? found.token : found?.password
    expect({ kind: found?.kind, username: found?.username, secret: secret?.reveal() }).toStrictEqual(login)
  })
})
