import { describe, expect, it } from '@jest/globals'
import { planCache } from '../../../src/cache/plan.js'
import { resolveTags } from '../../../src/metadata/tags.js'
import { contextOf, eventOf, inputsOf } from '../helpers.js'
import { context as nameContext, events } from '../metadata/events.js'

type Given = Readonly<Record<string, string>>

function plan(given: Given, { repository = 'acme/web', inPod = false, names = nameContext() } = {}) {
  const context = contextOf({ inPod, event: eventOf({ repository }) })
  const inputs = inputsOf({ images: 'ghcr.io/acme/web', ...given })
  return planCache({ inputs, context, repositories: resolveTags(inputs, names).repositories })
}

describe('the plan of a cache', () => {
  it('is the same in a registry for repositories that share it, and another one in a folder', () => {
    const scopes = (cache: string) => ['acme/a', 'acme/b'].map((repository) => plan({ cache }, { repository }).scope.id)
    expect(new Set(scopes('registry')).size).toBe(1)
    expect(new Set(scopes('directory')).size).toBe(2)
  })

  it('is another one in a registry for repositories that give it no name', () => {
    const scopes = (given: Given) =>
      ['acme/a', 'acme/b'].map(
        (repository) => plan({ images: '', 'cache-to': 'q.io/c', ...given }, { repository }).scope.id,
      )
    expect(new Set(scopes({})).size).toBe(2)
    expect(new Set(scopes({ 'cache-scope': 'shared' })).size).toBe(1)
  })

  it.each<[given: Given, scope: string]>([
    [{}, 'image "ghcr.io/acme/web"'],
    [{ images: 'ghcr.io/acme/web\nacme/api' }, 'image "docker.io/acme/api", image "ghcr.io/acme/web"'],
    [{ tags: 'type=ref,event=tag\nacme/api:1' }, 'image "docker.io/acme/api", image "ghcr.io/acme/web"'],
    [{ images: 'acme/web,enable=false' }, 'image "docker.io/acme/web"'],
  ])('is named by the images, whatever tags apply to them: %j', (given, scope) => {
    const values = { tags: 'type=ref,event=tag', cache: 'registry', ...given }
    const branch = plan(values)
    expect(branch.scope.text.startsWith(`${scope}, platform `)).toBe(true)
    const tag = plan(values, { names: events.tag })
    expect(branch).toStrictEqual(tag)
  })

  it('says where in a registry it lies', () => {
    const { notes, repositories } = plan({ cache: 'registry' })
    expect(repositories).toStrictEqual({ from: ['ghcr.io/acme/web-cache'], to: 'ghcr.io/acme/web-cache' })
    expect(notes).toStrictEqual(['Cache: a registry, read and written', '  in ghcr.io/acme/web-cache'])
    const both = plan({ 'cache-from': 'q.io/a\nq.io/b', 'cache-to': 'q.io/a' })
    expect(both.notes.slice(1)).toStrictEqual(['  in q.io/a', '  in q.io/b, read only'])
  })

  it.each<[given: Given, inPod: boolean, isSaid: boolean]>([
    [{ push: 'true' }, true, true],
    [{ push: 'true' }, false, false],
    [{}, true, false],
    [{ push: 'true', cache: 'directory' }, true, false],
  ])('for %j in a pod (%s) tells of the registry: %s', (given, inPod, isSaid) => {
    const { hint } = plan(given, { inPod })
    expect(hint?.includes('`cache: registry` would keep the layers in ghcr.io/acme/web-cache') ?? false).toBe(isSaid)
  })
})
