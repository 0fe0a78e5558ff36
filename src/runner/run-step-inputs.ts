import { isIP } from 'node:net'
import { type InputReader, list, refuse } from './input-parsers.js'

/** `name:address` for each; an address in brackets loses them. */
export function addHosts(read: InputReader, input: string): string[] {
  return list(read, input, { commas: true }).map((line) => {
    const [, host, written = ''] = /^([\w.-]+)[:=](.+)$/.exec(line) ?? []
    const address = written.replace(/^\[(.*)\]$/, '$1')
    if (host !== undefined && (isIP(address) !== 0 || isGateway(address))) return `${host}:${address}`
    throw refuse(input, line, 'Write one name:address per line; the address is an IP address or host-gateway.')
  })
}

/** Whether an entry or its address is the address that the engine looks up. */
export function isGateway(entry: string): boolean {
  return /^(.*:)?host-gateway$/.test(entry)
}

export function shmSize(read: InputReader, input: string): string | undefined {
  const got = read(input).trim()
  if (got === '') return undefined
  if (/^[1-9]\d*[bkmg]?$/i.test(got)) return got
  throw refuse(input, got, 'Write a number and a unit (b, k, m or g): `shm-size: 256m`.')
}

export function ulimits(read: InputReader, input: string): string[] {
  return list(read, input, { commas: false }).map((line) => {
    if (/^[a-z]+=-?\d+(:-?\d+)?$/.test(line)) return line
    throw refuse(input, line, 'Write one name=soft[:hard] per line: `nofile=1024:2048`.')
  })
}

/** How many stages are built at once, at the most; undefined where nothing is said. */
export function jobs(read: InputReader, input: string): number | undefined {
  const got = read(input).trim()
  if (got === '' || got === 'auto') return undefined
  if (/^[1-9]\d?$/.test(got)) return Number(got)
  throw refuse(input, got, 'Write `auto`, or a whole number from 1 to 99: `jobs: 2`.')
}
