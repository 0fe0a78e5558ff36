import type { EventName } from './events.js'

/** Tags by rules, flavor and event: the names in their order, `-` where there is none. */
export interface Row {
  readonly tags: readonly string[]
  readonly flavor: readonly string[]
  readonly expected: Readonly<Record<EventName, string>>
}

const q = 'gh-readonly-queue-main-pr-7-8c3d1f0a5b6e7d9c0123456789abcdef01234567'

function row(tags: string, flavor: string, ...names: string[]): Row {
  const [main, topic, tag, rc, fork, target, schedule, release, dispatch, queue, removed] = names
  const lines = (text: string) => text.split('|').filter((line) => line !== '')
  return {
    tags: lines(tags),
    flavor: lines(flavor),
    expected: {
      main: main ?? '',
      topic: topic ?? '',
      tag: tag ?? '',
      rc: rc ?? '',
      fork: fork ?? '',
      target: target ?? '',
      schedule: schedule ?? '',
      release: release ?? '',
      dispatch: dispatch ?? '',
      queue: queue ?? '',
      delete: removed ?? '',
    },
  }
}

const semver = 'type=semver,pattern={{version}}|type=semver,pattern={{major}}.{{minor}}|type=semver,pattern={{major}}'
const usual = `type=schedule|${semver}|type=ref,event=branch|type=ref,event=pr|type=sha`

// prettier-ignore
export const matrix: readonly Row[] = [
  //               main, topic, tag v1.4.2, tag v2.0.0-rc.1, pull_request, pull_request_target, schedule, release, workflow_dispatch on dev, merge_group, delete
  row('', '',
    'main', 'feature-Login_page', 'v1.4.2 latest', 'v2.0.0-rc.1 latest', 'pr-7', 'pr-7', 'nightly main', 'v1.4.2 latest', 'dev', q, 'main'),
  row('', 'latest=false',
    'main', 'feature-Login_page', 'v1.4.2', 'v2.0.0-rc.1', 'pr-7', 'pr-7', 'nightly main', 'v1.4.2', 'dev', q, 'main'),
  row('', 'latest=true',
    'main latest', 'feature-Login_page latest', 'v1.4.2 latest', 'v2.0.0-rc.1 latest', 'pr-7 latest', 'pr-7 latest', 'nightly main latest', 'v1.4.2 latest', 'dev latest', `${q} latest`, 'main latest'),
  row('', 'prefix=web-,onlatest=true',
    'web-main', 'web-feature-Login_page', 'web-v1.4.2 web-latest', 'web-v2.0.0-rc.1 web-latest', 'pr-7', 'pr-7', 'web-nightly web-main', 'web-v1.4.2 web-latest', 'web-dev', `web-${q}`, 'web-main'),
  row('', 'prefix=web-|suffix=-alpine',
    'web-main-alpine', 'web-feature-Login_page-alpine', 'web-v1.4.2-alpine latest', 'web-v2.0.0-rc.1-alpine latest', 'pr-7-alpine', 'pr-7-alpine', 'web-nightly-alpine web-main-alpine', 'web-v1.4.2-alpine latest', 'web-dev-alpine', `web-${q}-alpine`, 'web-main-alpine'),
  row(semver, '',
    '-', '-', '1.4.2 1.4 1 latest', '2.0.0-rc.1', '-', '-', '-', '1.4.2 1.4 1 latest', '-', '-', '-'),
  row(semver, 'latest=true',
    '-', '-', '1.4.2 1.4 1 latest', '2.0.0-rc.1 latest', '-', '-', '-', '1.4.2 1.4 1 latest', '-', '-', '-'),
  row('type=semver,pattern={{raw}}|type=semver,pattern=v{{major}}', 'suffix=-alpine,onlatest=true',
    '-', '-', 'v1.4.2-alpine v1-alpine latest-alpine', 'v2.0.0-rc.1-alpine 2.0.0-rc.1-alpine', '-', '-', '-', 'v1.4.2-alpine v1-alpine latest-alpine', '-', '-', '-'),
  row('type=semver,pattern={{major}}.{{minor}}.{{patch}},value=v3.2.1', '',
    '3.2.1 latest', '3.2.1 latest', '3.2.1 latest', '3.2.1 latest', '3.2.1 latest', '3.2.1 latest', '3.2.1 latest', '3.2.1 latest', '3.2.1 latest', '3.2.1 latest', '3.2.1 latest'),
  row('type=semver,pattern={{minor}},value=web/v3.2.1-beta.2,match=web/(.*)', '',
    '3.2.1-beta.2', '3.2.1-beta.2', '3.2.1-beta.2', '3.2.1-beta.2', '3.2.1-beta.2', '3.2.1-beta.2', '3.2.1-beta.2', '3.2.1-beta.2', '3.2.1-beta.2', '3.2.1-beta.2', '3.2.1-beta.2'),
  row('type=pep440,pattern={{version}}|type=pep440,pattern={{major}}.{{minor}}', '',
    '-', '-', '1.4.2 1.4 latest', '2.0.0rc1', '-', '-', '-', '1.4.2 1.4 latest', '-', '-', '-'),
  row('type=pep440,pattern={{raw}},prefix=py', 'prefix=web-|latest=false',
    '-', '-', 'pyv1.4.2', 'pyv2.0.0-rc.1', '-', '-', '-', 'pyv1.4.2', '-', '-', '-'),
  row('type=match,pattern=v(\\d+\\.\\d+),group=1', '',
    '-', '-', '1.4 latest', '2.0 latest', '-', '-', '-', '1.4 latest', '-', '-', '-'),
  row('type=match,pattern=/V(\\d)/i', 'suffix=-slim',
    '-', '-', 'v1-slim latest', 'v2-slim latest', '-', '-', '-', 'v1-slim latest', '-', '-', '-'),
  row('type=match,pattern=^[a-z]+,value={{branch}}', '',
    'main latest', 'feature latest', '-', '-', '-', '-', 'main latest', '-', 'dev latest', 'gh latest', 'main latest'),
  row('type=edge|type=ref,event=branch', '',
    'edge main', 'feature-Login_page', '-', '-', '-', '-', 'edge main', '-', 'dev', q, 'edge main'),
  row('type=edge,branch=dev', 'latest=true',
    '-', '-', '-', '-', '-', '-', '-', '-', 'edge latest', '-', '-'),
  row('type=ref,event=pr|type=sha', 'prefix=web-',
    'sha-8c3d1f0', 'sha-8c3d1f0', 'sha-8c3d1f0', 'sha-8c3d1f0', 'pr-7 sha-8c3d1f0', 'pr-7 sha-8c3d1f0', 'sha-8c3d1f0', 'sha-8c3d1f0', 'sha-8c3d1f0', 'sha-8c3d1f0', 'sha-8c3d1f0'),
  row('type=ref,event=tag,enable=false|type=ref,event=pr,prefix=,suffix=-pr', '',
    '-', '-', '-', '-', '7-pr', '7-pr', '-', '-', '-', '-', '-'),
  row('type=sha,format=long,prefix=', 'suffix=-arm64',
    ...Array.from({ length: 11 }, () => '8c3d1f0a5b6e7d9c0123456789abcdef01234567-arm64')),
  row('type=raw,value={{branch}}-{{sha}},enable={{is_default_branch}}|type=raw,value=latest,enable={{is_default_branch}}', '',
    'main-8c3d1f0 latest', '-', '-', '-', '-', '-', 'main-8c3d1f0 latest', '-', '-', '-', 'main-8c3d1f0 latest'),
  row('type=raw,value=next,enable={{is_not_default_branch}}|type=raw,value={{tag}}', '',
    '-', 'next', 'next v1.4.2', 'next v2.0.0-rc.1', 'next', 'next', '-', 'next v1.4.2', 'next', 'next', '-'),
  row('type=raw,value=from-{{base_ref}}', '',
    'from-', 'from-', 'from-main', 'from-', 'from-release-1.x', 'from-release-1.x', 'from-', 'from-', 'from-', 'from-', 'from-'),
  row(`type=sha,priority=2000|${semver}`, '',
    'sha-8c3d1f0', 'sha-8c3d1f0', 'sha-8c3d1f0 1.4.2 1.4 1', 'sha-8c3d1f0 2.0.0-rc.1', 'sha-8c3d1f0', 'sha-8c3d1f0', 'sha-8c3d1f0', 'sha-8c3d1f0 1.4.2 1.4 1', 'sha-8c3d1f0', 'sha-8c3d1f0', 'sha-8c3d1f0'),
  row("type=schedule,pattern={{date 'YYYYMMDD-HHmm' tz='Asia/Tokyo'}}|type=schedule,pattern=w{{commit_date 'GGGG-[W]WW'}}", '',
    '-', '-', '-', '-', '-', '-', '20260308-0605 w2026-W09', '-', '-', '-', '-'),
  row(usual, '',
    'main sha-8c3d1f0', 'feature-Login_page sha-8c3d1f0', '1.4.2 1.4 1 sha-8c3d1f0 latest', '2.0.0-rc.1 sha-8c3d1f0', 'pr-7 sha-8c3d1f0', 'pr-7 sha-8c3d1f0', 'nightly main sha-8c3d1f0', '1.4.2 1.4 1 sha-8c3d1f0 latest', 'dev sha-8c3d1f0', `${q} sha-8c3d1f0`, 'main sha-8c3d1f0'),
  row(usual, 'latest=false|prefix={{sha}}-',
    '8c3d1f0-main sha-8c3d1f0', '8c3d1f0-feature-Login_page sha-8c3d1f0', '8c3d1f0-1.4.2 8c3d1f0-1.4 8c3d1f0-1 sha-8c3d1f0', '8c3d1f0-2.0.0-rc.1 sha-8c3d1f0', 'pr-7 sha-8c3d1f0', 'pr-7 sha-8c3d1f0', '8c3d1f0-nightly 8c3d1f0-main sha-8c3d1f0', '8c3d1f0-1.4.2 8c3d1f0-1.4 8c3d1f0-1 sha-8c3d1f0', '8c3d1f0-dev sha-8c3d1f0', `8c3d1f0-${q} sha-8c3d1f0`, '8c3d1f0-main sha-8c3d1f0'),
]
