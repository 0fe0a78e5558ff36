import { arch } from 'node:os'

/** Node's names for processors, where the OCI specifications have others. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' }

/** What images are built for: `linux/amd64`. */
export function platform(): string {
  return `linux/${ARCHITECTURES[arch()] ?? arch()}`
}

/** What an engine declares in front of the first FROM; undefined if it depends on a variant of the processor. */
export function platformArguments(name = platform()): ReadonlyMap<string, string | undefined> {
  const [os = '', architecture = ''] = name.split('/')
  return new Map(
    ['TARGET', 'BUILD'].flatMap((side): [string, string | undefined][] => [
      [`${side}PLATFORM`, architecture === 'arm' ? undefined : name],
      [`${side}OS`, os],
      [`${side}ARCH`, architecture],
      // Of ARM engines name one, or leave it out where it is the usual one.
      [`${side}VARIANT`, architecture.startsWith('arm') ? undefined : ''],
    ]),
  )
}
