import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import PostalMime, { type Email } from 'postal-mime'
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from 'smtp-server'
import { freePort } from '../support/free-port.ts'

/** A letter as a mail server took it. */
export interface Taken extends Email {
  readonly raw: string
  /** The addresses of the envelope. */
  readonly envelope: { readonly from: string; readonly to: readonly string[] }
}

/** What the server does with a message when all of it has come. */
export type Verdict = 'take' | 'cut' | 'never' | Error

/** A real mail server on loopback. */
export interface MailServer {
  readonly port: number
  /** What it said 250 to. */
  readonly taken: readonly Taken[]
  /** Everything that came whole, whatever it said to it. */
  readonly seen: readonly Taken[]
  /** How many connections there were. */
  readonly connections: () => number
  /** Asked at the end of each message; takes all of them at first. */
  verdict: (message: Taken) => Verdict | Promise<Verdict>
  close(): Promise<void>
}

/** An answer of the server, such as 550. */
export const answer = (responseCode: number, words: string): Error =>
  Object.assign(new Error(words), { responseCode })

/** Starts a mail server; on a port of one that was closed before, where it is given. */
export async function startMailServer(options: SMTPServerOptions = {}, port?: number): Promise<MailServer> {
  const [taken, seen]: [Taken[], Taken[]] = [[], []]
  let connections = 0
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    closeTimeout: 100,
    onConnect: (_session, callback) => {
      connections += 1
      callback()
    },
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        void (async () => {
          const message = await takenFrom(Buffer.concat(chunks), session)
          seen.push(message)
          const verdict = await running.verdict(message)
          if (verdict === 'never') return
          if (verdict === 'cut') {
            cut(server, session)
            return
          }
          if (verdict === 'take') taken.push(message)
          callback(verdict === 'take' ? null : verdict)
        })()
      })
    },
    ...options,
  })
  // broken connections are what some tests are about
  server.on('error', () => undefined)
  const listening = server.listen(port ?? (await freePort()), '127.0.0.1')
  await once(listening, 'listening')
  const running: MailServer = {
    port: (listening.address() as AddressInfo).port,
    taken,
    seen,
    connections: () => connections,
    verdict: () => 'take',
    close: () =>
      new Promise((resolve) => {
        server.close(resolve)
      }),
  }
  return running
}

async function takenFrom(raw: Buffer, { envelope }: SMTPServerSession): Promise<Taken> {
  const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address
  const to = envelope.rcptTo.map(({ address }) => address)
  return { ...(await PostalMime.parse(raw)), raw: raw.toString(), envelope: { from, to } }
}

/** Ends the connection of a session as a crash would. */
function cut(server: SMTPServer, session: SMTPServerSession): void {
  for (const connection of server.connections as Set<{ session: SMTPServerSession; _socket: Socket }>) {
    if (connection.session.id === session.id) connection._socket.destroy()
  }
}

/** The value of a header. */
export const headerOf = ({ headers }: Taken, name: string): string | undefined =>
  headers.find(({ key }) => key === name.toLowerCase())?.value
