/** A mount of this mount namespace, as /proc/self/mountinfo tells it. */
export interface MountPoint {
  readonly path: string
  /** `ro`, `nosuid`, `nodev`, `noexec` among them. */
  readonly options: readonly string[]
}

/** Parses the text of /proc/self/mountinfo; pure. @see proc_pid_mountinfo(5) */
export function parseMountInfo(text: string): MountPoint[] {
  return text.split('\n').flatMap((line) => {
    const [, , , , path, options] = line.split(' ')
    return path === undefined || options === undefined
      ? []
      : [{ path: unescapeOctal(path), options: options.split(',') }]
  })
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(parseInt(code, 8)))
}
