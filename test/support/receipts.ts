import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { importPath, type TokenFor } from './service.ts'
import { PATIENCE, until } from './until.ts'

/** What is needed to ask a service for receipts. */
export interface Asked {
  readonly port: number
  token(claims?: TokenFor): Promise<string>
}

/** A receipt as it is answered. */
export interface ReceiptJson {
  readonly id: string
  readonly state: 'running' | 'finished' | 'aborted'
  readonly reason?: { readonly code: string; readonly detail: string }
  readonly dryRun: boolean
  readonly strict: boolean
  readonly refused?: boolean
  readonly counts: Readonly<Record<string, number>>
  readonly caller: string
  readonly callerEmail: string | null
  readonly createdAt: string
  readonly endedAt: string | null
  readonly fileName: string | null
  readonly idempotencyKey: string | null
  readonly upload: { readonly bytes: number; readonly sha256: string } | null
  readonly resultDigest: string | null
  readonly result: string | null
  readonly resultDeletedAt: string | null
}

export interface Exchange {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly trailers: NodeJS.Dict<string>
  /** Exactly the bytes that came, a byte-order mark too. */
  readonly bytes: Buffer
  readonly text: string
  /** Whether the answer ended as HTTP has it. */
  readonly complete: boolean
}

export interface ExchangeOptions {
  readonly method?: string
  /** From the host on; default: the path of imports. */
  readonly path?: string
  readonly token?: string
  readonly claims?: TokenFor
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** Hears of the answer as it comes. */
  readonly onData?: (soFar: string) => void
}

/** One request over a connection of its own; unlike fetch it tells of trailers, and of an answer that is cut. */
export async function exchange(service: Asked, options: ExchangeOptions = {}): Promise<Exchange> {
  const { method = 'GET', path = importPath, headers = {}, body, onData } = options
  const token = options.token ?? (await service.token(options.claims))
  return new Promise((resolve, reject) => {
    const req = httpRequest({
      port: service.port,
      host: '127.0.0.1',
      agent: false,
      method,
      path,
      headers: {
        Host: 'localhost',
        ...(token === '' ? {} : { Authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'text/csv' }),
        ...headers,
      },
    })
    let answered = false
    req.on('error', (error) => {
      if (!answered) reject(error)
    })
    req.on('response', (res) => {
      answered = true
      const chunks: Buffer[] = []
      const done = (complete: boolean): void => {
        const bytes = Buffer.concat(chunks)
        const { statusCode: status = 0, headers, trailers } = res
        resolve({ status, headers, trailers, bytes, text: bytes.toString(), complete })
      }
      res.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        onData?.(Buffer.concat(chunks).toString())
      })
      res.on('end', () => {
        done(res.complete)
      })
      res.on('error', () => {
        done(false)
      })
      res.on('aborted', () => {
        done(false)
      })
    })
    if (body === undefined) req.end()
    else req.end(body)
  })
}

/** An upload by `POST`. */
export function upload(
  service: Asked,
  body: string | Uint8Array,
  { query, ...options }: Omit<ExchangeOptions, 'body' | 'path' | 'method'> & { readonly query?: string } = {},
): Promise<Exchange> {
  const path = query === undefined ? importPath : `${importPath}?${query}`
  return exchange(service, { ...options, method: 'POST', path, body })
}

/** What the JSON of an answer says. */
export function jsonOf({ text }: { readonly text: string }): Record<string, unknown> {
  return JSON.parse(text) as Record<string, unknown>
}

/** The id of the import that an answer is of. */
export const idOf = ({ headers }: Pick<Exchange, 'headers'>): string => String(headers['import-id'])

/** The receipt of an import, as the owner sees it. */
export async function receiptOf(service: Asked, id: string, claims: TokenFor = {}): Promise<ReceiptJson> {
  const answer = await exchange(service, { path: `${importPath}/${id}`, claims })
  if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`)
  return JSON.parse(answer.text) as ReceiptJson
}

/** The result of an import, as the owner sees it. */
export function resultOf(
  service: Asked,
  id: string,
  { query, ...options }: ExchangeOptions & { readonly query?: string } = {},
): Promise<Exchange> {
  const path = `${importPath}/${id}/result.csv${query === undefined ? '' : `?${query}`}`
  return exchange(service, { ...options, path })
}

/** Waits until a receipt is as wanted. */
export async function untilReceipt(
  service: Asked,
  id: string,
  wanted: (receipt: ReceiptJson) => boolean,
  patience = PATIENCE,
): Promise<ReceiptJson> {
  const end = Date.now() + patience
  for (;;) {
    const receipt = await receiptOf(service, id)
    if (wanted(receipt)) return receipt
    if (Date.now() > end) throw new Error(`Waited in vain for ${id}: ${JSON.stringify(receipt)}`)
    await setTimeout(50)
  }
}

export const ended = ({ state }: ReceiptJson): boolean => state !== 'running'

/** The newest imports of the organization, as its owner sees them. */
export async function newest(service: Asked, query = ''): Promise<readonly ReceiptJson[]> {
  const { text } = await exchange(service, { path: `${importPath}${query}` })
  return (JSON.parse(text) as { imports: ReceiptJson[] }).imports
}

/** Does what begins an import, waits until its receipt is there, and gives its id. */
export async function idOfBegun(service: Asked, begin: () => Promise<unknown>): Promise<string> {
  const before = new Set((await newest(service)).map(({ id }) => id))
  await begin()
  let begun: ReceiptJson | undefined
  await until(async () => {
    begun = (await newest(service)).find(({ id }) => !before.has(id))
    return begun !== undefined
  })
  return begun!.id
}

/** The id of the newest import. */
export async function newestId(service: Asked, query = ''): Promise<string> {
  const [receipt] = await newest(service, query)
  if (receipt === undefined) throw new Error('There is no import')
  return receipt.id
}
