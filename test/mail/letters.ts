import type { Carrier, Mail } from '../../src/mail/carrier.ts'
import type { LetterFacts } from '../../src/mail/facts.ts'
import { Undelivered } from '../../src/mail/undelivered.ts'
import type { SmtpServer } from '../../src/settings.ts'

/** A letter's facts; all of it has a default. */
export const factsOf = (more: Partial<LetterFacts> = {}): LetterFacts => ({
  kind: 'finished',
  importKind: 'users',
  organizationId: 1,
  organization: 'helping-hands',
  importId: '6f1c3a52-5a0e-4a55-9a3b-0d7c3f6f2d11',
  ownId: undefined,
  caller: 'anna',
  fileName: 'users.csv',
  mode: 'each',
  refused: false,
  rowsTotal: 5,
  begun: true,
  counts: { created: 2, updated: 1, unchanged: 0, invalid: 1, skipped: 1 },
  faults: [{ code: 'email.invalid', column: 'email', count: 1 }],
  reason: undefined,
  receivedAt: new Date('2026-11-24T01:02:03Z'),
  endedAt: new Date('2026-11-24T01:03:04Z'),
  link: 'https://portals.example.com/api/import/organization/users/6f1c3a52-5a0e-4a55-9a3b-0d7c3f6f2d11',
  ...more,
})

/** A letter that is ready to be carried; all of it has a default. */
export const mailTo = (recipient: string, more: Partial<Mail> = {}): Mail => ({
  recipient,
  messageId: 'finished.1.0123456789abcdef@example.com',
  date: new Date('2026-11-24T01:02:03Z'),
  subject: 'Import for helping-hands finished',
  text: 'It has finished.\n',
  html: '<!doctype html><html lang="en"><title>Import</title><p>It has finished.</p></html>',
  ...more,
})

/** A mail server on loopback, without TLS. */
export const serverAt = (port: number, more: Partial<SmtpServer> = {}): SmtpServer => ({
  host: '127.0.0.1',
  port,
  secure: false,
  requireTls: false,
  login: undefined,
  ...more,
})

/** What kept a letter from being taken. */
export async function failureOf(carrier: Carrier, mail: Mail, signal?: AbortSignal): Promise<Undelivered> {
  try {
    await carrier.carry(mail, signal ?? new AbortController().signal)
  } catch (error) {
    if (error instanceof Undelivered) return error
    throw error
  }
  throw new Error('It was taken.')
}
