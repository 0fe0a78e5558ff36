import { extraArguments } from './extra-arguments.js'
import { input } from './input-spec.js'
import { addHosts, isGateway, jobs, shmSize, ulimits } from './run-step-inputs.js'
import { TEST_INPUTS } from './test-inputs.js'
import { oneOf } from './value-parsers.js'

const BY_ALL = ['buildx', 'buildx-docker'] as const

/** How programs run in a build, and in a test of its image; in the order of action.yml. */
export const RUN_STEP_INPUTS = {
  network: input('network', oneOf('default', 'none', 'host'), {
    affects: 'run-steps',
    counts: (network) => [network],
    // Older ones give such steps a network of their own.
    buildah: { since: '1.28.0', asks: (network) => network === 'none' },
  }),
  'add-hosts': input('addHosts', addHosts, {
    affects: 'run-steps',
    counts: (hosts) => hosts,
    buildah: { since: '1.41.0', asks: (hosts) => hosts.some(isGateway) },
  }),
  'shm-size': input('shmSize', shmSize, {
    affects: 'run-steps',
    counts: (size) => (size === undefined ? [] : [size]),
  }),
  ulimit: input('ulimit', ulimits, { affects: 'run-steps', counts: (limits) => limits }),
  // It decides when stages are built, not what they are.
  jobs: input('jobs', jobs, {
    affects: 'nothing',
    docker: {
      refusedBy: BY_ALL,
      asks: (count) => count !== undefined,
      example: '2',
      why: 'builds as many steps at once as its configuration says',
      hint: 'Leave it out: `max-parallelism` in the buildkitd.toml of a builder limits it. Or write `engine: buildah`.',
    },
  }),
  // With an engine that checks by itself, it is told so.
  checks: input('checks', oneOf('warn', 'error', 'off'), { affects: 'nothing' }),
  // What they mean is Buildah's affair, and their order may count.
  'extra-args': input('extraArgs', extraArguments, {
    affects: 'run-steps',
    counts: (words) => words,
    docker: {
      refusedBy: BY_ALL,
      asks: (words) => words.length > 0,
      example: '--squash',
      why: "doesn't know the arguments of `buildah build`",
      hint: 'Leave it out, or write `engine: buildah`.',
    },
  }),
  ...TEST_INPUTS,
}
