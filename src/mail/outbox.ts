import type { FaultCount } from '../receipts/fault-counts.ts'
import type { Counts } from '../receipts/counts.ts'
import type { LetterFailure, LetterKind } from '../receipts/letter.ts'
import type { AbortReason, ImportMode, ImportPlace } from '../receipts/receipt.ts'

/** A letter that this process, and no other for the time of the lease, has to send. */
export interface ClaimedLetter {
  readonly organizationId: number
  readonly importId: string
  readonly kind: LetterKind
  readonly recipient: string
  /** The same in every attempt, without angle brackets. */
  readonly messageId: string
  /** Which attempt this is, from 1. */
  readonly attempts: number
  /** How many milliseconds ago it was written. */
  readonly age: number
}

/** How letters are claimed. */
export interface Claim {
  /** How many at most; those that have been due for longest. */
  readonly limit: number
  /** For how many milliseconds nobody else gets them. */
  readonly lease: number
  /** The domain of message ids. */
  readonly domain: string
}

/** The letters of all organizations that are to be sent. All of it waits out trouble with the database for a while. */
export interface Outbox {
  claim(asked: Claim): Promise<readonly ClaimedLetter[]>
  /** The mail server has it: holds whatever else is said of it, by whomever. */
  sent(letter: ClaimedLetter): Promise<void>
  /** It is tried again after `pause` milliseconds. Says nothing where another has claimed it since. */
  postpone(letter: ClaimedLetter, failure: LetterFailure, pause: number): Promise<void>
  /** It is not tried again. Says nothing where another has claimed it since. */
  giveUp(letter: ClaimedLetter, failure: LetterFailure): Promise<void>
}

/** What a letter says of an import. */
export interface LetterImport {
  readonly organizationId: number
  readonly importId: string
  readonly importKind: 'users' | 'members'
  /** The slug of the organization. */
  readonly organization: string
  /** By what the caller knows the import: the `id` of its JSON, or the Idempotency-Key of a file. */
  readonly ownId: string | undefined
  /** Who asked for it: the token's `sub`, or `credential:ID` of a program that called for itself. */
  readonly caller: string
  readonly fileName: string | undefined
  readonly mode: ImportMode
  /** Whether it was a strict import that nothing was written of, since a row was invalid. */
  readonly refused: boolean
  /** How many rows were sent, where that is known; fewer are counted where it did not come to its end. */
  readonly rowsTotal: number | undefined
  /** Whether a worker ever took it. */
  readonly begun: boolean
  readonly counts: Counts
  /** The faults of its rows, the most frequent first; `undefined` where the result was deleted. */
  readonly faults: readonly FaultCount[] | undefined
  /** Why it was stopped or given up. */
  readonly reason: AbortReason | undefined
  /** When the upload came. */
  readonly receivedAt: Date
  readonly endedAt: Date
}

/** Where the postman reads what letters say. */
export interface LetterImports {
  /** @returns `undefined` where there is no such import any more */
  read(place: ImportPlace, signal: AbortSignal): Promise<LetterImport | undefined>
}
