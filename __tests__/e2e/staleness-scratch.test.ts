import { afterAll, beforeAll, describe, jest, test } from '@jest/globals'
import { testedEngines } from '../harness/engines.js'
import { runAction } from '../harness/runner.js'
import { removeFolders } from '../harness/folders.js'
import { type Lab, openLab } from '../harness/staleness-lab.js'
jest.setTimeout(600_000)
let lab: Lab
beforeAll(async () => { lab = await openLab() })
afterAll(async () => { await lab.stop(); await removeFolders() })
describe.each(testedEngines())('with $name', ({ wish, version, start, stop }) => {
  beforeAll(start)
  afterAll(stop)
  const cases: Record<string, (v: number, f: string) => string> = {
    run: (v) => `FROM ${lab.base}\nRUN echo ${v} > /seen\n`,
    copyimg: (v, f) => `FROM ${lab.base}\nENV A=${v}\nCOPY --from=${f}:1001 /etc/seen /seen\n`,
    mountimg: (v, f) => `FROM ${lab.base}\nENV A=${v}\nRUN --mount=type=bind,from=${f}:1001,source=/etc,target=/m cat /m/seen > /seen\n`,
    mountstage: (v) => `FROM ${lab.base} AS b\nRUN echo same > /tmp/file\nFROM ${lab.base}\nENV A=${v}\nRUN --mount=type=bind,from=b,source=/tmp,target=/m cat /m/file > /seen\n`,
    copystage: (v) => `FROM ${lab.base} AS b\nRUN echo same > /tmp/file\nFROM ${lab.base}\nENV A=${v}\nCOPY --from=b /tmp/file /seen\n`,
  }
  for (const kind of ['github', 'directory'] as const)
  for (const [n, f] of Object.entries(cases))
  test(`${n} ${kind}`, async () => {
    const out: string[] = []
    for (const v of [1, 2, 1]) {
      const w = wish()
      const c = lab.cache(kind)
      const r = await runAction({ ...w, workspace: { Dockerfile: f(v, `${lab.host}/base/fixed`) }, env: c.env,
        inputs: { images: `${lab.host}/acme/${n}-${kind}-${version}`, push: 'true', 'tls-verify': 'false', isolation: 'chroot', ...w.inputs, ...c.inputs } })
      out.push(`${n} ${kind} ${version} ${v} exit ${r.exitCode} ${r.outputs['cache-hit']} ${r.log.match(/^(Error: |.*can't open).*/gm)?.map((x) => x.slice(0, 120) + ' … ' + x.slice(-400))}`)
    }
    console.log(out.join('\n'))
  })
})
