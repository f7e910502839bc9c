// Sends one letter to the mail server that its argument describes.
import { createSmtpCarrier } from '../../src/mail/smtp.ts'
import type { SmtpServer } from '../../src/settings.ts'
import { mailTo } from './letters.ts'

const server = JSON.parse(process.argv[2] ?? '') as SmtpServer
const carrier = createSmtpCarrier({ server, from: { name: '', address: 'rollcall@example.com' } })
await carrier.carry(mailTo('anna@example.org'), new AbortController().signal)
