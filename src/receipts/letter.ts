/** What a letter tells: an import that is complete, one that was stopped before, one that the service gave up. */
export type LetterKind = 'finished' | 'stopped' | 'failed'

/** Why a letter was not sent: a stable code and a sentence for people. */
export interface LetterFailure {
  /** `mail.refused`, `mail.unreachable` and the like. */
  readonly code: string
  readonly detail: string
}

/** How far the letter about an import has come. What becomes of it never touches the import. */
export interface LetterStatus {
  readonly kind: LetterKind
  /** `waiting` until it is `sent`; `failed` where it was refused for good, or nobody took it for a day. */
  readonly state: 'waiting' | 'sent' | 'failed'
  /** How often it was tried. */
  readonly attempts: number
  /** When the mail server took it. */
  readonly sentAt: Date | undefined
  /** What went wrong last; of a letter that waits, too. */
  readonly failure: LetterFailure | undefined
}
