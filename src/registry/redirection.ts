interface Asked {
  readonly method: string
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
}

interface Answer {
  readonly status: number
  readonly headers: { readonly location?: string | undefined }
}

/** Where an answer leads a question that only reads; undefined where it doesn't. A login goes to the same origin alone. */
export function redirection(
  asked: Asked,
  { status, headers: { location } }: Answer,
): Required<Pick<Asked, 'url' | 'headers'>> | undefined {
  const isReading = asked.method === 'GET' || asked.method === 'HEAD'
  if (!isReading || ![301, 302, 303, 307, 308].includes(status) || location === undefined) return undefined
  if (!URL.canParse(location, asked.url.href)) return undefined
  const url = new URL(location, asked.url)
  const { authorization, ...others } = asked.headers ?? {}
  const keeps = authorization !== undefined && url.origin === asked.url.origin
  return { url, headers: keeps ? { ...others, authorization } : others }
}
