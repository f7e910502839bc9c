import type { Logger } from 'pino'

/** A letter that is ready to be carried. */
export interface Mail {
  readonly recipient: string
  /** Without angle brackets; the same in every attempt. */
  readonly messageId: string
  readonly date: Date
  readonly subject: string
  readonly text: string
  readonly html: string
}

/** Carries letters to whom they are for. */
export interface Carrier {
  /**
   * Resolves when somebody else has taken the responsibility for the letter.
   *
   * @param signal - given when it takes too long, or the service stops
   * @throws Undelivered If it was not taken
   */
  carry(mail: Mail, signal: AbortSignal): Promise<void>
}

/** Writes letters to the log, for a service without a mail server. */
export function createLogCarrier(log: Pick<Logger, 'info'>): Carrier {
  return {
    carry: ({ recipient, messageId, subject, text }) => {
      log.info({ recipient, messageId, subject, text }, 'a letter, written here since SMTP_URL is not set')
      return Promise.resolve()
    },
  }
}
