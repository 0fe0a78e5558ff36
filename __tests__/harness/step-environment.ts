import { join } from 'node:path'

import type { Account } from './account.js'
import { inputVariables } from './runner-files.js'
import type { StepOptions } from './runner.js'

/** The files by which a step talks back to the runner; each lies in the job's folder under the name of its variable. */
export const commandFiles = [
  'GITHUB_OUTPUT',
  'GITHUB_STATE',
  'GITHUB_ENV',
  'GITHUB_PATH',
  'GITHUB_STEP_SUMMARY',
] as const

const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

// A machine behind a proxy has these in the environment of its runner. NODE_EXTRA_CA_CERTS isn't among them: each Node
// reads that file when it starts, which takes it four times as long, and in a step only Buildah's RUN asks other machines.
const kept = /^(https?_proxy|no_proxy|all_proxy|ssl_cert_(file|dir)|lang)$/i

/**
 * What isn't about names is pushed as `latest`, whatever the event would make of it; and what isn't about builds that
 * are skipped is built.
 */
function plainInputs(inputs: StepOptions['inputs']): StepOptions['inputs'] {
  const all = { unchanged: 'build', ...inputs }
  return inputs['images'] === undefined || inputs['tags'] !== undefined ? all : { ...all, tags: 'latest' }
}

/** The environment that the runner gives to a step: what GitHub documents, the inputs, and little else. */
export function stepEnvironment(
  folder: string,
  workspace: string,
  account: Account,
  options: StepOptions,
): Record<string, string | undefined> {
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([variable]) => kept.test(variable))),
    PATH: options.path === undefined ? systemPath : `${options.path}:${systemPath}`,
    HOME: options.home ?? join(folder, 'home'),
    USER: account.name,
    CI: 'true',
    // A machine without Docker's daemon, unless a test says otherwise.
    DOCKER_HOST: 'unix:///var/empty/docker.sock',
    GITHUB_ACTIONS: 'true',
    GITHUB_ACTION_PATH: join(folder, 'action'),
    GITHUB_EVENT_NAME: options.event?.name ?? 'push',
    GITHUB_EVENT_PATH: join(folder, 'event.json'),
    GITHUB_REF: 'refs/heads/main',
    GITHUB_REF_NAME: 'main',
    GITHUB_REF_TYPE: 'branch',
    GITHUB_REPOSITORY: 'acme/web',
    GITHUB_RUN_ATTEMPT: '1',
    GITHUB_RUN_ID: '1',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_SHA: '0123456789abcdef0123456789abcdef01234567',
    GITHUB_WORKSPACE: workspace,
    RUNNER_ARCH: process.arch === 'arm64' ? 'ARM64' : 'X64',
    RUNNER_OS: 'Linux',
    RUNNER_TEMP: join(folder, 'temp'),
    RUNNER_TOOL_CACHE: options.toolCache ?? join(folder, 'tools'),
    // What a GitHub-hosted runner has in /etc/containers: the machine that runs the tests has another.
    CONTAINERS_REGISTRIES_CONF: join(folder, 'registries.conf'),
    ...Object.fromEntries(commandFiles.map((file) => [file, join(folder, file)])),
    ...inputVariables(plainInputs(options.inputs)),
    ...options.env,
  }
}
