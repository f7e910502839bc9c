import { afterEach, describe, expect, it } from '@jest/globals'
import type { SMTPServerOptions } from 'smtp-server'
import { answer, startMailServer, type MailServer } from '../mail/mail-server.ts'
import { makeCertificate } from '../support/certificate.ts'
import { numberedMembers, postMembers, programOf, untilImport } from '../support/members.ts'
import { startService, type Service } from '../support/service.ts'

const login = 'carrier:a-pass%2Fword'
const secrets = ['a-pass/word', 'a-pass%2Fword', '\0carrier\0a-pass/word']
const hidden = [...secrets, ...secrets.map((secret) => Buffer.from(secret).toString('base64').slice(0, 12))]

const insecure = {
  code: 'mail.insecure',
  detail: 'The connection to the mail server could not be secured.',
}
const refused = {
  code: 'mail.login',
  detail: 'The mail server did not accept the login of the service.',
}

/** Repeats the secret that it was told. */
const refusing: SMTPServerOptions['onAuth'] = ({ password }, _session, callback) => {
  callback(answer(535, `5.7.8 Not ${password ?? ''}`))
}

const unknown = makeCertificate('127.0.0.1')
const offers = { ...unknown, disabledCommands: [] }
const plain = { allowInsecureAuth: true }

describe('a letter over a line that must be private', () => {
  let service: Service | undefined
  let mail: MailServer | undefined

  afterEach(async () => {
    await service?.close()
    await mail?.close()
  })

  it.each<[what: string, url: string, query: string, options: SMTPServerOptions, failure: object]>([
    ['shows a certificate that nobody vouches for', 'smtps', '', { ...unknown, secure: true }, insecure],
    ['does so after a STARTTLS that is required', 'smtp', '?requireTLS=true', offers, insecure],
    ['does so after a STARTTLS that it only offers', 'smtp', '', offers, insecure],
    ['offers no STARTTLS where it is required', 'smtp', '?requireTLS=true', plain, insecure],
    ['speaks no TLS where it should at once', 'smtps', '', plain, insecure],
    ['refuses the login', 'smtp', '', { ...plain, authOptional: false, onAuth: refusing }, refused],
  ])(
    'waits where the server %s: the receipt says so, and nobody reads the password',
    async (_, scheme, query, options, failure) => {
      mail = await startMailServer(options)
      service = await startService({
        settings: {
          SMTP_URL: `${scheme}://${login}@127.0.0.1:${mail.port}${query}`,
          MAIL_FROM: 'rollcall@example.com',
        },
      })
      const { knex } = service
      const owner = await programOf(service)
      const location = await postMembers(service, owner, numberedMembers(0, 1))
      for (const attempts of [1, 2]) {
        const seen = await untilImport(service, owner, location, ({ letters: [letter] }) =>
          isTried(letter, attempts),
        )
        expect(seen).toMatchObject({
          state: 'finished',
          letters: [{ state: 'waiting', attempts, sentAt: null, failure }],
        })
        for (const secret of hidden) expect(JSON.stringify(seen)).not.toContain(secret)
        await knex('letters').update({ next_attempt_at: knex.fn.now() })
      }
      expect(mail.seen).toEqual([])
      const kept = JSON.stringify(await knex('letters').select('*'))
      for (const secret of hidden) {
        expect(service.logged()).not.toContain(secret)
        expect(kept).not.toContain(secret)
      }
      expect(service.logged()).toContain('a letter could not be sent; it is tried again')
    },
  )
})

function isTried(letter: unknown, attempts: number): boolean {
  const { attempts: made = 0, failure } = Object(letter) as { attempts?: number; failure?: unknown }
  return made >= attempts && failure !== null
}
