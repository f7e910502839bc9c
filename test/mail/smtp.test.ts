import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { SMTPServerOptions } from 'smtp-server'
import { addressOf } from '../../src/mail/address.ts'
import type { Carrier } from '../../src/mail/carrier.ts'
import { createSmtpCarrier, smtpTimes, type SmtpTimes } from '../../src/mail/smtp.ts'
import { undelivered } from '../../src/mail/undelivered.ts'
import type { SmtpServer } from '../../src/settings.ts'
import { makeCertificate } from '../support/certificate.ts'
import { failureOf, mailTo, serverAt } from './letters.ts'
import { answer, headerOf, startMailServer, type MailServer } from './mail-server.ts'

const program = fileURLToPath(new URL('./one-letter.ts', import.meta.url))

const open: { close(): Promise<void> }[] = []

afterEach(async () => {
  for (const each of open.splice(0)) await each.close()
})

async function mailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const server = await startMailServer(options)
  open.push(server)
  return server
}

/** A server that is not one of SMTP. */
async function oddServer(talk: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    talk(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push({
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  })
  return (server.address() as AddressInfo).port
}

const from = { name: 'Größe, Rollcall', address: 'rollcall@example.com' }

function carrierTo(port: number, more: Partial<SmtpServer> = {}, times: Partial<SmtpTimes> = {}): Carrier {
  return createSmtpCarrier({ server: serverAt(port, more), from, times: { ...smtpTimes, ...times } })
}

const carry = (carrier: Carrier, recipient = 'anna@example.org'): Promise<void> =>
  carrier.carry(mailTo(recipient), new AbortController().signal)

const login = { user: 'rollcall', password: 'hunter2hunter2' }
const refusing = (command: 'onMailFrom' | 'onRcptTo', error: Error): SMTPServerOptions => ({
  [command]: (_address: unknown, _session: unknown, callback: (error: Error) => void) => {
    callback(error)
  },
})

describe('the carrier over SMTP', () => {
  it.each([
    '',
    'anna',
    '@example.org',
    'anna@',
    'anna@example.org, eve@example.org',
    'anna@example.org,eve@example.org',
    'Anna <anna@example.org>',
    '<anna@example.org>',
    'anna@example.org\r\nRCPT TO:<eve@example.org>',
    'anna@example.org\nBcc: eve@example.org',
    'anna@example.org> SIZE=1',
    '"anna eve"@example.org',
    'anna@eve@example.org',
    'anna @example.org',
    'anna@exa mple.org',
    'anna@example.org ',
    'anna\u0000@example.org',
    'anna@[127.0.0.1]',
    'group:anna@example.org;',
    'anna(eve)@example.org',
    `${'a'.repeat(65)}@example.org`,
    `anna@${'a.'.repeat(130)}org`,
  ])('never shows a server what is not one bare address: %j', async (recipient) => {
    const server = await mailServer()
    const { failure, forGood } = await failureOf(carrierTo(server.port), mailTo(recipient))
    expect(failure.code).toBe('mail.address')
    expect(forGood).toBe(true)
    expect(server.connections()).toBe(0)
  })

  it('takes 550 at RCPT for the end, and says the words of the server without the address', async () => {
    const server = await mailServer(
      refusing('onRcptTo', answer(550, `5.1.1 <anna@example.org>: User unknown ${'x'.repeat(300)}`)),
    )
    const { failure, forGood } = await failureOf(carrierTo(server.port), mailTo('anna@example.org'))
    expect(forGood).toBe(true)
    expect(failure.code).toBe('mail.refused')
    expect(failure.detail).toMatch(/^The mail server refused the letter for good: 550 .*User unknown x+…$/)
    expect(failure.detail).not.toContain('anna')
    expect(failure.detail.length).toBeLessThan(300)
  })

  it('takes 554 after DATA for the end', async () => {
    const server = await mailServer()
    server.verdict = () => answer(554, '5.7.1 This looks like spam')
    const { failure, forGood } = await failureOf(carrierTo(server.port), mailTo('anna@example.org'))
    expect(forGood).toBe(true)
    expect(failure.detail).toContain('554 5.7.1 This looks like spam')
  })

  it.each<[what: string, options: SMTPServerOptions, code: string]>([
    ['451 at RCPT', refusing('onRcptTo', answer(451, '4.7.1 Greylisted')), 'mail.deferred'],
    ['452 at MAIL', refusing('onMailFrom', answer(452, '4.3.1 Full')), 'mail.deferred'],
    ['421, with which a server ends', refusing('onRcptTo', answer(421, '4.3.2 Bye')), 'mail.unreachable'],
    ['550 at MAIL, which is our address', refusing('onMailFrom', answer(550, '5.7.1 No')), 'mail.sender'],
    [
      '530 at RCPT, which wants a login',
      refusing('onRcptTo', answer(530, '5.7.0 Login first')),
      'mail.login',
    ],
    [
      '503, which another session mends',
      refusing('onRcptTo', answer(503, '5.5.1 Sequence')),
      'mail.unreachable',
    ],
    [
      '554 at the greeting',
      {
        onConnect: (_session, callback) => {
          callback(answer(554, '5.7.1 Not you'))
        },
      },
      'mail.unreachable',
    ],
  ])('lets a letter wait after %s', async (_, options, code) => {
    const server = await mailServer(options)
    const { failure, forGood } = await failureOf(carrierTo(server.port), mailTo('anna@example.org'))
    expect({ code: failure.code, forGood }).toEqual({ code, forGood: false })
  })

  it('lets a letter wait after 535, and shows neither name nor password to anybody', async () => {
    const server = await mailServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, callback) => {
        const secret = Buffer.from(`\0${username ?? ''}\0${password ?? ''}`).toString('base64')
        callback(answer(535, `5.7.8 Not ${password ?? ''}, ${secret}`))
      },
    })
    const error = await failureOf(carrierTo(server.port, { login }), mailTo('anna@example.org'))
    expect(error.failure).toEqual({
      code: 'mail.login',
      detail: 'The mail server did not accept the login of the service.',
    })
    expect(error.forGood).toBe(false)
    const all = `${error.message} ${(error.cause as Error).message}`
    expect(all).toContain('535')
    expect(all).not.toContain(login.password)
    expect(all).not.toContain(Buffer.from(login.password).toString('base64').slice(0, 12))
  })

  it('sends no password, and no letter, where TLS is asked for and not offered', async () => {
    const server = await mailServer({ allowInsecureAuth: true })
    const error = await failureOf(
      carrierTo(server.port, { login, requireTls: true }),
      mailTo('a@example.org'),
    )
    expect(error.failure.code).toBe('mail.insecure')
    expect(error.forGood).toBe(false)
    expect(server.seen).toEqual([])
  })

  it.each([
    ['TLS', { secure: true }, { secure: true }],
    ['STARTTLS', { requireTls: true }, { disabledCommands: [] }],
    ['STARTTLS that is only offered', {}, { disabledCommands: [] }],
  ])('trusts no certificate that nobody vouches for: %s', async (_, client, options) => {
    const server = await mailServer(options)
    const { failure, forGood } = await failureOf(carrierTo(server.port, client), mailTo('a@example.org'))
    expect({ code: failure.code, forGood }).toEqual({ code: 'mail.insecure', forGood: false })
    expect(server.seen).toEqual([])
  })

  it.each<[what: string, talk: (socket: Socket) => void]>([
    ['accepts and never speaks', () => undefined],
    ['greets and never speaks again', (socket) => socket.write('220 hello\r\n')],
  ])('waits no longer than it should for a server that %s', async (_, talk) => {
    const carrier = carrierTo(await oddServer(talk), {}, { connect: 150, silence: 150 })
    const { failure, forGood } = await failureOf(carrier, mailTo('anna@example.org'))
    expect({ code: failure.code, forGood }).toEqual({ code: 'mail.timeout', forGood: false })
  })

  it.each<[what: string, talk: (socket: Socket) => void]>([
    ['is gone at once', (socket) => socket.destroy()],
    ['speaks HTTP', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ])('lets a letter wait for a server that %s', async (_, talk) => {
    const { failure, forGood } = await failureOf(carrierTo(await oddServer(talk)), mailTo('anna@example.org'))
    expect({ code: failure.code, forGood }).toEqual({ code: 'mail.unreachable', forGood: false })
  })

  it('waits no longer than it should for the answer to the message', async () => {
    const server = await mailServer()
    server.verdict = () => 'never'
    // Long enough for all that is said before.
    const carrier = carrierTo(server.port, {}, { silence: 5_000 })
    expect((await failureOf(carrier, mailTo('anna@example.org'))).failure.code).toBe('mail.timeout')
    expect(server.seen).toHaveLength(1)
  })

  it('breaks off as soon as it is told to', async () => {
    const server = await mailServer()
    const told = new AbortController()
    server.verdict = () => {
      told.abort(new DOMException('enough', 'TimeoutError'))
      return 'never'
    }
    const { failure } = await failureOf(carrierTo(server.port), mailTo('a@example.org'), told.signal)
    expect(failure.code).toBe('mail.timeout')
    expect((await failureOf(carrierTo(server.port), mailTo('a@example.org'), told.signal)).failure.code).toBe(
      'mail.timeout',
    )
  })

  it('lets a letter wait where nobody listens, and says no names of our network', async () => {
    const server = await mailServer()
    await server.close()
    open.length = 0
    const { failure, forGood } = await failureOf(carrierTo(server.port), mailTo('anna@example.org'))
    expect({ code: failure.code, forGood }).toEqual({ code: 'mail.unreachable', forGood: false })
    expect(failure.detail).not.toContain('127')
  })

  it('lets a letter wait where the name of the server is none', () => {
    const error = Object.assign(new Error('getaddrinfo ENOTFOUND mail'), { code: 'EDNS', command: 'CONN' })
    const { failure, forGood } = undelivered(error, [])
    expect({ code: failure.code, forGood }).toEqual({ code: 'mail.unreachable', forGood: false })
  })

  it('says an address of other letters only to a server that offers SMTPUTF8', async () => {
    const server = await mailServer({ hideSMTPUTF8: true })
    const { failure, forGood } = await failureOf(carrierTo(server.port), mailTo('jürgen@example.org'))
    expect({ code: failure.code, forGood }).toEqual({ code: 'mail.address_not_ascii', forGood: true })
    expect(server.seen).toEqual([])
  })

  it('sends to an address of other letters', async () => {
    const server = await mailServer()
    await carry(carrierTo(server.port), 'jürgen@example.org')
    expect(server.taken[0]?.envelope.to).toEqual(['jürgen@example.org'])
    expect(server.taken[0]?.to).toEqual([{ name: '', address: 'jürgen@example.org' }])
  })

  it('sends to a domain of other letters through a server that does not offer SMTPUTF8', async () => {
    const server = await mailServer({ hideSMTPUTF8: true })
    await carry(carrierTo(server.port), 'anna@bücher.example')
    expect(server.taken[0]?.raw).toMatch(/^To: anna@xn--bcher-kva.example\r$/m)
    expect(addressOf('anna@bücher.example')).toEqual({
      address: 'anna@xn--bcher-kva.example',
      needsUtf8: false,
    })
  })

  it('sends text and HTML, says who sends and that no program should answer', async () => {
    const server = await mailServer()
    await carry(carrierTo(server.port))
    const [letter] = server.taken
    expect(letter).toMatchObject({
      envelope: { from: 'rollcall@example.com', to: ['anna@example.org'] },
      from,
      to: [{ name: '', address: 'anna@example.org' }],
      subject: 'Import for helping-hands finished',
      messageId: '<finished.1.0123456789abcdef@example.com>',
      date: '2026-11-24T01:02:03.000Z',
      attachments: [],
    })
    expect(letter?.text?.trim()).toBe('It has finished.')
    expect(letter?.html).toContain('<p>It has finished.</p>')
    expect(headerOf(letter!, 'Auto-Submitted')).toBe('auto-generated')
    expect(headerOf(letter!, 'X-Auto-Response-Suppress')).toBe('OOF, AutoReply')
    expect(headerOf(letter!, 'Content-Type')).toMatch(/^multipart\/alternative/)
    expect(headerOf(letter!, 'X-Mailer')).toBeUndefined()
  })

  it('logs in where it is told how', async () => {
    const users: (string | undefined)[] = []
    const server = await mailServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, callback) => {
        users.push(username)
        callback(password === login.password ? null : answer(535, 'No'), { user: username })
      },
    })
    await carry(carrierTo(server.port, { login }))
    expect(users).toEqual(['rollcall'])
    expect(server.taken).toHaveLength(1)
  })

  describe('where somebody of our own vouches for the server', () => {
    let folder: string
    let known: string

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'rollcall-certificates-'))
      known = join(folder, 'known.pem')
    })
    afterAll(() => rm(folder, { recursive: true }))

    /** Sends a letter in a process that trusts `known` too: Node reads that only when it starts. @returns what it says */
    async function sendTrusting(client: SmtpServer): Promise<string> {
      const env = { ...process.env, NODE_EXTRA_CA_CERTS: known, NODE_NO_WARNINGS: '1' }
      const sending = spawn(process.execPath, ['--import', 'tsx', program, JSON.stringify(client)], { env })
      return text(sending.stderr)
    }

    async function certified(options: SMTPServerOptions, address: string): Promise<MailServer> {
      const { key, cert } = makeCertificate(address)
      await writeFile(known, cert)
      return mailServer({ ...options, key, cert })
    }

    it.each([
      ['TLS', { secure: true }, { secure: true }],
      ['STARTTLS', { requireTls: true }, { disabledCommands: [] }],
      ['STARTTLS that is only offered', {}, { disabledCommands: [] }],
    ])('does not send over %s to one by another address', async (_, client, options) => {
      const server = await certified(options, '127.0.0.2')
      const said = await sendTrusting(serverAt(server.port, client))
      expect(said).toContain('The connection to the mail server could not be secured.')
      expect(said).toContain('ERR_TLS_CERT_ALTNAME_INVALID')
      expect(server.seen).toEqual([])
    })

    it.each([
      ['TLS', { secure: true }, { secure: true }],
      ['STARTTLS', { requireTls: true }, { disabledCommands: [] }],
      ['STARTTLS that is only offered', {}, { disabledCommands: [] }],
    ])('logs in and sends over %s', async (_, client, options) => {
      const secured: boolean[] = []
      const onAuth: SMTPServerOptions['onAuth'] = ({ username }, session, callback) => {
        secured.push(session.secure)
        callback(null, { user: username })
      }
      const server = await certified({ ...options, authOptional: false, onAuth }, '127.0.0.1')
      expect(await sendTrusting(serverAt(server.port, { ...client, login }))).toBe('')
      expect(secured).toEqual([true])
      expect(server.taken).toHaveLength(1)
    })
  })

  it('leaves no connection behind', async () => {
    let closed = 0
    const server = await mailServer({
      onClose: () => {
        closed += 1
      },
    })
    await carry(carrierTo(server.port))
    while (closed === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(server.connections()).toBe(1)
  })
})
