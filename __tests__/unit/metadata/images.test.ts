import { describe, expect, test } from '@jest/globals'
import { parseImages } from '../../../src/metadata/images.js'
import { formatReference } from '../../../src/metadata/reference.js'
import { refusal } from '../helpers.js'

test.each<[string[], string[], number]>([
  [[], [], 0],
  [['acme/web'], ['docker.io/acme/web'], 1],
  [['acme/web,ghcr.io/acme/web'], ['docker.io/acme/web', 'ghcr.io/acme/web'], 2],
  [['acme/web', '', '# ghcr.io/acme/web', ' quay.io/acme/web '], ['docker.io/acme/web', 'quay.io/acme/web'], 2],
  [['name=acme/web'], ['docker.io/acme/web'], 1],
  [['name=acme/web,enable=true', 'acme/api,enable=true'], ['docker.io/acme/web', 'docker.io/acme/api'], 2],
  [['name=acme/web,enable=false', 'acme/api'], ['docker.io/acme/api'], 2],
  [['Enable=false,Name=acme/web'], [], 1],
  [['name=,enable=false'], [], 1],
  [['ghcr.io/ACME/Web'], ['ghcr.io/acme/web'], 1],
  [['ACME/web'], ['docker.io/acme/web'], 1],
  [['acme/web', 'index.docker.io/acme/web'], ['docker.io/acme/web'], 2],
])('%j', (lines, names, given) => {
  const images = parseImages(lines)
  expect(images.names.map(formatReference)).toEqual(names)
  expect(images.given).toBe(given)
})

describe('is refused', () => {
  test.each([
    ['acme/web:1', /a name must not have a tag/, /the tag "1" in tags/],
    ['acme/we=b', /the attribute "acme\/we" is unknown/, /name=/],
    ['acme/we+b', /has the character "\+"/, /Allowed/],
    [
      'acme/web ghcr.io/acme/web',
      /has white space in it/,
      /a line of its own:\nimages: \|\n {2}acme\/web\n {2}ghcr.io\/acme\/web$/,
    ],
    ['https://ghcr.io/acme/web', /begins with https/, /Remove/],
    ['acme/web,enable=yes', /enable is "yes"/, /name=docker.io\/acme\/web,enable=true/],
    ['acme/web,enable={{is_default_branch}}', /enable is "\{\{is_default_branch\}\}"/, /true or false/],
    ['acme/web,tag=1', /the attribute "tag" is unknown/, /name=/],
    ['name=,enable=true', /the name is missing/, /name=/],
    ['enable=true', /the name is missing/, /name=/],
    ['acme/web,name=acme/api', /there are two names/, /name=/],
    ['acme/web,acme/api,enable=true', /there are two names/, /name=/],
    ['"acme/web', /quotes can't be read/, /quoted whole/],
  ])('%s', (line, message, hint) => {
    const error = refusal(() => parseImages([line]))
    expect(error.message).toMatch(message)
    expect(error.message).toMatch(/^images: in the line /)
    expect(error.hint).toMatch(hint)
  })
})
