import type { JSONWebKeySet } from 'jose'

const maxBytes = 256 * 1024

/**
 * Fetches the keys of an issuer, from that address and nowhere else.
 *
 * @param timeout - milliseconds for the whole answer
 * @throws Error If the answer is late, not 200, larger than 256 KiB or no JSON.
 */
export async function fetchKeySet(url: string, timeout = 5000): Promise<JSONWebKeySet> {
  const response = await fetch(url, {
    redirect: 'error',
    signal: AbortSignal.timeout(timeout),
    headers: { accept: 'application/jwk-set+json, application/json' },
  })
  if (response.status === 200) return JSON.parse(await boundedText(response)) as JSONWebKeySet
  await response.body?.cancel()
  throw new Error(`The key set at ${url} was answered with status ${response.status}`)
}

/** Counts what arrives, not what is announced: the length may be missing, wrong or that of a gzip. */
async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let [text, size] = ['', 0]
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength
    if (size > maxBytes) throw new Error(`The key set at ${response.url} is larger than ${maxBytes} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}
