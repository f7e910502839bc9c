import MailComposer from 'nodemailer/lib/mail-composer'
import type { Mailbox } from '../settings.ts'
import type { Mail } from './carrier.ts'

/**
 * A letter as it goes over the wire (RFC 5322), its headers encoded where they are not ASCII.
 *
 * @param recipient - one address, checked
 */
export function mimeOf(mail: Mail, from: Mailbox, recipient: string): Promise<Buffer> {
  const composer = new MailComposer({
    from: { ...from },
    // not as text, which would be read as a list of addresses with display names
    to: { name: '', address: recipient },
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    messageId: `<${mail.messageId}>`,
    date: mail.date,
    headers: {
      // RFC 3834 §5, and what Exchange heeds in its place: nobody's absence is to be answered here
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'OOF, AutoReply',
    },
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return composer.compile().build()
}
