import { headerOf, type MailServer, type Taken, type Verdict } from '../../mail/mail-server.ts'

/** A letter that the mail server took. */
export interface Got {
  /** The path of the receipt that it tells of. */
  readonly about: string
  readonly messageId: string
  readonly to: readonly string[]
  /** When it had come whole, by the clock of this machine. */
  readonly at: number
}

/** Every letter that the server says 250 to from now on. */
export class LetterBox {
  readonly #mail: MailServer
  readonly #at = new WeakMap<Taken, number>()

  /** @param pause - how long, in milliseconds, the server thinks before it says 250 */
  constructor(mail: MailServer, pause: () => Promise<void> = () => Promise.resolve()) {
    this.#mail = mail
    mail.verdict = async (message): Promise<Verdict> => {
      this.#at.set(message, Date.now())
      await pause()
      return 'take'
    }
  }

  get got(): readonly Got[] {
    return this.#mail.taken.map((taken) => ({
      about: aboutOf(taken),
      messageId: headerOf(taken, 'message-id') ?? '',
      to: taken.envelope.to,
      at: this.#at.get(taken) ?? 0,
    }))
  }
}

/** Its links hold the path; the one without anything behind it is the shortest. */
function aboutOf({ text = '' }: Taken): string {
  const links = [...text.matchAll(/https?:\/\/[^\s/]+(\/\S*\/import\/\S+)/g)].map(([, path = '']) => path)
  return links.sort((a, b) => a.length - b.length)[0] ?? ''
}
