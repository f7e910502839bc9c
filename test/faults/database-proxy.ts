import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { fatalError, MessageReader, queryMessage, startupKind, statementOf, type Message } from './wire.ts'

/** What the proxy does to connections. */
export type Mode =
  | { readonly kind: 'pass' }
  /** Every message of the client comes this many milliseconds late. */
  | { readonly kind: 'delay'; readonly milliseconds: number }
  /** Connections are accepted and read, and nothing is handed on until the mode changes. */
  | { readonly kind: 'stall' }
  /** New connections are reset. */
  | { readonly kind: 'refuse' }

/** What becomes of the statement that is struck. */
export type Blow =
  /** Both sides are reset; the server never sees it. */
  | { readonly kind: 'cut-before' }
  /** The server has answered it when both sides are reset; the client never sees the answer. */
  | { readonly kind: 'cut-after' }
  /** Cut after this many bytes: those of the statement first, then those of its answer. */
  | { readonly kind: 'cut-at'; readonly byte: number }
  /** It fails in the server, with this SQLSTATE; its transaction is aborted as by every error. */
  | { readonly kind: 'fail'; readonly sqlstate: string }
  /** The server says FATAL with this SQLSTATE and ends the connection. */
  | { readonly kind: 'end'; readonly sqlstate: string }
  /** It passes, and this is called. */
  | { readonly kind: 'call'; readonly call: () => void }

/** Which statement is struck, counted from 1 from now on, over all connections. */
export interface Strike {
  readonly at: 'statement' | 'commit'
  readonly nth: number
  readonly blow: Blow
}

/** A proxy between the service and PostgreSQL that can hurt what passes through it. */
export interface DatabaseProxy {
  readonly port: number
  /** Statements and COMMITs since the last {@link strike} or {@link heal}. */
  readonly statements: number
  readonly commits: number
  /** Whether the strike has come about. */
  readonly struck: boolean
  /** The statement that was struck; of a COMMIT with the one before it, which says what was to be committed. */
  readonly struckStatement: string | undefined
  /** How many connections are open. */
  readonly connections: number
  setMode(mode: Mode): void
  strike(strike: Strike): void
  /** No strike, mode `pass`, counts from 0. */
  heal(): void
  /** Resets all connections on both sides. */
  cutAll(): void
  close(): Promise<void>
}

/** A connection URL of the same database, by way of the proxy. */
export function through(proxy: DatabaseProxy, url: string): string {
  const changed = new URL(url)
  changed.hostname = '127.0.0.1'
  changed.port = String(proxy.port)
  return changed.href
}

/** Starts a proxy to the server of this URL on a free port of 127.0.0.1. */
export async function startProxy(url: string): Promise<DatabaseProxy> {
  const target = { host: new URL(url).hostname, port: Number(new URL(url).port) }
  const state = new State()
  const server = createServer({ noDelay: true }, (client) => {
    if (state.mode.kind === 'refuse') client.resetAndDestroy()
    else state.add(new Link(client, connect({ ...target, noDelay: true }), state))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(state, {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      state.cutAll()
      server.close()
      await once(server, 'close')
    },
  })
}

/** What all connections share: the mode, the counts, and the one strike. */
class State {
  mode: Mode = { kind: 'pass' }
  statements = 0
  commits = 0
  struckStatement: string | undefined
  #strike: Strike | undefined
  readonly #links = new Set<Link>()

  get struck(): boolean {
    return this.struckStatement !== undefined
  }

  get connections(): number {
    return this.#links.size
  }

  add(link: Link): void {
    this.#links.add(link)
    link.onEnd = () => this.#links.delete(link)
  }

  setMode(mode: Mode): void {
    this.mode = mode
    for (const link of this.#links) link.pump()
  }

  strike(strike: Strike): void {
    this.heal()
    this.#strike = strike
  }

  heal(): void {
    this.#strike = undefined
    this.statements = 0
    this.commits = 0
    this.struckStatement = undefined
    this.setMode({ kind: 'pass' })
  }

  cutAll(): void {
    for (const link of this.#links) link.cut()
  }

  /** Counts a statement, which comes after another on its connection, and says what becomes of it. */
  count(sql: string, before: string): Blow | undefined {
    const isCommit = /^\s*commit\b/i.test(sql)
    this.statements += 1
    if (isCommit) this.commits += 1
    const strike = this.#strike
    if (strike === undefined || this.struck) return undefined
    if (strike.at === 'commit' && !isCommit) return undefined
    if ((strike.at === 'commit' ? this.commits : this.statements) !== strike.nth) return undefined
    this.struckStatement = isCommit ? `${before}; ${sql}` : sql
    return strike.blow
  }
}

interface Waiting {
  readonly message: Message
  /** The time at which it came, in milliseconds. */
  readonly since: number
}

/** One connection of the service and the one to PostgreSQL that belongs to it. */
class Link {
  onEnd: () => void = () => undefined
  readonly #client: Socket
  readonly #server: Socket
  readonly #state: State
  readonly #messages = new MessageReader(false)
  #before = ''
  readonly #waiting: Waiting[] = []
  #timer: NodeJS.Timeout | undefined
  /** A statement in parts is on its way to being replaced: they are dropped up to their Sync. */
  #replacement: Buffer | undefined
  /** How the server's answer is taken; by default it is handed on. */
  #answer: ((chunk: Buffer) => void) | undefined
  #ended = false

  constructor(client: Socket, server: Socket, state: State) {
    this.#client = client
    this.#server = server
    this.#state = state
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('error', () => {
        this.cut()
      })
      from.on('close', () => {
        this.#end()
      })
      from.on('end', () => to.end())
      to.on('drain', () => from.resume())
    }
    client.on('data', (chunk) => {
      this.#take(chunk)
    })
    server.on('data', (chunk) => {
      if (this.#answer !== undefined) this.#answer(chunk)
      else if (!client.write(chunk)) server.pause()
    })
  }

  cut(): void {
    this.#client.resetAndDestroy()
    this.#server.resetAndDestroy()
    this.#end()
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    clearTimeout(this.#timer)
    this.#client.destroy()
    this.#server.destroy()
    this.onEnd()
  }

  #take(chunk: Buffer): void {
    for (const message of this.#messages.read(chunk)) {
      if (message.type === '') {
        const kind = startupKind(message)
        if (kind === 'encryption') {
          this.#client.write('N')
          continue
        }
        this.#messages.startUp()
      }
      this.#waiting.push({ message, since: performance.now() })
    }
    this.pump()
  }

  /** Hands on what waits, as far as the mode lets it. */
  pump(): void {
    clearTimeout(this.#timer)
    while (!this.#ended) {
      const { mode } = this.#state
      const [first] = this.#waiting
      if (first === undefined || mode.kind === 'stall') return
      const left = mode.kind === 'delay' ? first.since + mode.milliseconds - performance.now() : 0
      if (left > 0) {
        this.#timer = setTimeout(() => {
          this.pump()
        }, left)
        return
      }
      this.#waiting.shift()
      this.#handOn(first.message)
    }
  }

  #handOn(message: Message): void {
    if (this.#replacement !== undefined) {
      if (message.type === 'S') {
        this.#send(this.#replacement)
        this.#replacement = undefined
      }
      return
    }
    const sql = statementOf(message)
    const blow = sql === undefined ? undefined : this.#state.count(sql, this.#before)
    this.#before = sql ?? this.#before
    if (blow === undefined) this.#send(message.bytes)
    else this.#strike(blow, message)
  }

  #send(bytes: Buffer): void {
    if (!this.#server.write(bytes)) this.#client.pause()
  }

  #strike(blow: Blow, message: Message): void {
    const { bytes } = message
    switch (blow.kind) {
      case 'cut-before':
        this.cut()
        return
      case 'cut-after':
        this.#answer = this.#untilReady()
        this.#send(bytes)
        return
      case 'cut-at':
        this.#cutAt(blow.byte, bytes)
        return
      case 'fail': {
        const failing = queryMessage(raising(blow.sqlstate, statementOf(message) ?? ''))
        if (message.type === 'Q') this.#send(failing)
        else this.#replacement = failing
        return
      }
      case 'end':
        this.#client.write(fatalError(blow.sqlstate), () => {
          this.#end()
        })
        return
      case 'call':
        this.#send(bytes)
        blow.call()
    }
  }

  /** The server's answer is swallowed; when it is complete, the connection is cut. */
  #untilReady(): (chunk: Buffer) => void {
    const answers = new MessageReader(true)
    return (chunk) => {
      for (const { type } of answers.read(chunk)) if (type === 'Z') this.cut()
    }
  }

  #cutAt(byte: number, bytes: Buffer): void {
    if (byte < bytes.length) {
      this.#server.write(bytes.subarray(0, byte), () => {
        this.cut()
      })
      return
    }
    let left = byte - bytes.length
    this.#answer = (chunk) => {
      const part = chunk.subarray(0, left)
      left -= part.length
      this.#client.write(part, () => {
        if (left === 0) this.cut()
      })
    }
    this.#send(bytes)
  }
}

/**
 * A statement that fails with this SQLSTATE, in place of another. Whatever ends a transaction ends it even where it
 * fails.
 */
function raising(sqlstate: string, sql: string): string {
  const ends = /^\s*(?:commit|rollback\s*;?\s*$)/i.test(sql)
  return `${ends ? 'rollback; ' : ''}do $$ begin raise exception 'injected' using errcode = '${sqlstate}'; end $$`
}
