import SMTPConnection from 'nodemailer/lib/smtp-connection'
import type { Mailbox, SmtpServer } from '../settings.ts'
import { addressOf, type Address } from './address.ts'
import type { Carrier, Mail } from './carrier.ts'
import { mimeOf } from './mime.ts'
import { Undelivered, undelivered } from './undelivered.ts'

/** How long the server is waited for, in milliseconds. */
export interface SmtpTimes {
  /** Until the session is set up: name, connection, greeting and TLS. */
  readonly connect: number
  /** Between two words of the server. */
  readonly silence: number
  /** For its answer to our goodbye, which nothing depends on. */
  readonly goodbye: number
}

/** As long as lets the whole of it end within an attempt of the postman. */
export const smtpTimes: SmtpTimes = { connect: 20_000, silence: 60_000, goodbye: 2_000 }

/** What the carrier needs. */
export interface SmtpCarrierParts {
  readonly server: SmtpServer
  readonly from: Mailbox
  /** Default {@link smtpTimes}. */
  readonly times?: SmtpTimes
}

/** Sends each letter over a connection of its own, so that none is left open while there is nothing to send. */
export function createSmtpCarrier({ server, from, times = smtpTimes }: SmtpCarrierParts): Carrier {
  return {
    carry: async (mail, signal) => {
      const recipient = addressOf(mail.recipient)
      if (recipient === undefined) throw new Undelivered('mail.address', { forGood: true })
      const message = await mimeOf(mail, from, recipient.address)
      const session = new Session(server, times)
      try {
        await session.run(signal, () => session.send(from.address, recipient, message))
      } catch (error) {
        throw undelivered(error, hiddenOf(server, mail, recipient))
      }
    },
  }
}

function hiddenOf({ login }: SmtpServer, { recipient }: Mail, { address }: Address): readonly string[] {
  const secrets = login === undefined ? [] : [login.password, `\0${login.user}\0${login.password}`]
  return [recipient, address, ...secrets]
}

/** One conversation with the server. */
class Session {
  readonly #connection: SMTPConnection
  readonly #server: SmtpServer
  readonly #times: SmtpTimes
  /** Never resolves; rejects when the conversation has broken down, whatever it was about. */
  readonly #broken: Promise<never>

  constructor(server: SmtpServer, times: SmtpTimes) {
    const { host, port, secure, requireTls } = server
    this.#server = server
    this.#times = times
    this.#connection = new SMTPConnection({
      host,
      port,
      secure,
      requireTLS: requireTls,
      connectionTimeout: times.connect,
      greetingTimeout: times.connect,
      dnsTimeout: times.connect,
      socketTimeout: times.silence,
      socketCloseTimeout: times.goodbye,
    })
    this.#broken = new Promise((_, reject) => {
      this.#connection.on('error', reject)
      this.#connection.on('end', () => {
        reject(Object.assign(new Error('The connection has ended.'), { code: 'ECONNECTION' }))
      })
    })
    this.#broken.catch(() => undefined)
  }

  /** @throws whatever kept the letter from being taken; the connection is closed then */
  async run(signal: AbortSignal, conversation: () => Promise<void>): Promise<void> {
    const interrupted = new Promise<never>((_, reject) => {
      const interrupt = (): void => {
        reject(signal.reason as Error)
      }
      if (signal.aborted) interrupt()
      else signal.addEventListener('abort', interrupt, { once: true })
    })
    try {
      await Promise.race([conversation(), this.#broken, interrupted])
      this.#sayGoodbye()
    } catch (error) {
      this.#connection.close()
      throw error
    }
  }

  async send(from: string, recipient: Address, message: Buffer): Promise<void> {
    const connection = this.#connection
    await done((callback) => {
      connection.connect(callback)
    })
    // what it offers stands in its last answer so far, that to EHLO
    const offersUtf8 = /^250[ -]SMTPUTF8\b/im.test(connection.lastServerResponse || '')
    if (recipient.needsUtf8 && !offersUtf8) throw new Undelivered('mail.address_not_ascii', { forGood: true })
    const { login } = this.#server
    if (login !== undefined) {
      await done((callback) => {
        connection.login({ credentials: { user: login.user, pass: login.password } }, callback)
      })
    }
    await done((callback) => {
      connection.send({ from, to: [recipient.address], size: message.length }, message, callback)
    })
  }

  /** Nobody waits for it: the letter is the server's by now. */
  #sayGoodbye(): void {
    const connection = this.#connection
    const timer = setTimeout(() => {
      connection.close()
    }, this.#times.goodbye)
    timer.unref()
    connection.once('end', () => {
      clearTimeout(timer)
    })
    connection.quit()
  }
}

function done(start: (callback: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error) reject(error)
      else resolve()
    })
  })
}
