import type { LetterFailure } from '../receipts/letter.ts'
import { plain } from './plain.ts'

/** What kept a letter from being sent, by its code: the sentence that its receipt says. */
const sentences = {
  'mail.address': 'The address is not one that a letter can be sent to.',
  'mail.address_not_ascii':
    'The mail server takes no addresses with other than English letters before the @ (SMTPUTF8).',
  'mail.refused': 'The mail server refused the letter for good',
  'mail.deferred': 'The mail server put the letter off',
  'mail.login': 'The mail server did not accept the login of the service.',
  'mail.sender': 'The mail server did not accept the address of the service.',
  'mail.insecure': 'The connection to the mail server could not be secured.',
  'mail.timeout': 'The mail server did not answer in time.',
  'mail.unreachable': 'The mail server could not be reached, or broke the connection off.',
  'mail.unknown_import': 'The import that the letter is about is not there any more.',
  'mail.stopped': 'The service was stopped while it sent the letter.',
  'mail.internal': 'The service could not write the letter; its log says why.',
} as const

/** A stable name for what kept a letter from being sent. */
export type UndeliveredCode = keyof typeof sentences

/** A letter was not sent. */
export class Undelivered extends Error {
  override readonly name = 'Undelivered'
  readonly failure: LetterFailure
  /** Whether it would never be taken, whenever it is tried. */
  readonly forGood: boolean

  /** @param words - those of the mail server, where they are about the addressee or the letter */
  constructor(code: UndeliveredCode, options: ErrorOptions & { forGood?: boolean; words?: string } = {}) {
    const { forGood = false, words } = options
    const detail = `${sentences[code]}${words === undefined ? '' : `: ${words}`}`
    super(detail, options)
    this.failure = { code, detail }
    this.forGood = forGood
  }
}

/** What an error of nodemailer tells. */
interface SmtpError {
  readonly code?: string
  /** The code of the system or of TLS, where `code` is nodemailer's. */
  readonly originalCode?: string
  /** What the server was asked. */
  readonly command?: string
  /** What it answered. */
  readonly response?: string
  readonly responseCode?: number
  /** Whether it is 5yz, and not one that another session mends. */
  readonly permanent?: boolean
}

// RFC 4954 §6: the login is missing, too weak, refused, or must be encrypted.
const aboutLogin = new Set([530, 534, 535, 538])

const WORDS = 200

/**
 * What an error means that came out of SMTP. Only where the server refuses the addressee or the letter itself is it
 * the letter's fault; a login, a certificate or a name that is wrong is ours and can be mended within a day.
 *
 * @param hidden - what must not be read in the server's words
 */
export function undelivered(error: unknown, hidden: readonly string[]): Undelivered {
  if (error instanceof Undelivered) return error
  const { name, code, command, response, responseCode = 0, permanent = false } = error as Error & SmtpError
  const options = { cause: shortened(error, hidden) }
  if (code === 'EAUTH' || aboutLogin.has(responseCode)) return new Undelivered('mail.login', options)
  if (isAboutTls(error as SmtpError)) return new Undelivered('mail.insecure', options)
  if (code === 'ETIMEDOUT' || name === 'TimeoutError') return new Undelivered('mail.timeout', options)
  const aboutLetter = command === 'RCPT TO' || command === 'DATA'
  const words = response === undefined ? '' : plain(without(response, hidden), WORDS)
  if (permanent && aboutLetter) return new Undelivered('mail.refused', { ...options, forGood: true, words })
  if (permanent && command === 'MAIL FROM') return new Undelivered('mail.sender', options)
  if (responseCode >= 400 && responseCode < 500 && (aboutLetter || command === 'MAIL FROM')) {
    return new Undelivered('mail.deferred', { ...options, words })
  }
  return new Undelivered('mail.unreachable', options)
}

function isAboutTls({ code, originalCode = '' }: SmtpError): boolean {
  return code === 'ETLS' || /CERT|TLS|SSL|ALTNAME|SIGNATURE/.test(originalCode)
}

/** The error for the log: its kind and what the server said, without what must not be read there. */
function shortened(error: unknown, hidden: readonly string[]): Error {
  const { message, code, originalCode, command } = error as Error & SmtpError
  const words = plain(without(message, hidden), WORDS)
  return Object.assign(new Error(words), { name: 'SmtpError', code: originalCode ?? code, command })
}

function without(text: string, hidden: readonly string[]): string {
  return hidden
    .filter((each) => each !== '')
    .reduce((shown, each) => shown.replaceAll(each, '…').replaceAll(base64(each), '…'), text)
}

const base64 = (text: string): string => Buffer.from(text).toString('base64').replace(/=+$/, '')
