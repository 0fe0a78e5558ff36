import { arch } from 'node:os'

/** Node's names for processors, where the OCI specifications have others. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' }

/** What images are built for: `linux/amd64`. */
export function platform(): string {
  return `linux/${ARCHITECTURES[arch()] ?? arch()}`
}

/** What an engine declares in front of the first FROM, as far as it doesn't depend on a variant of the processor. */
export function platformArguments(): ReadonlyMap<string, string> {
  const [os = '', architecture = ''] = platform().split('/')
  return new Map(
    ['TARGET', 'BUILD'].flatMap((side) => [
      ...(architecture === 'arm' ? [] : [[`${side}PLATFORM`, platform()] as const]),
      [`${side}OS`, os] as const,
      [`${side}ARCH`, architecture] as const,
    ]),
  )
}
