import type { ColumnName } from '../users/columns.ts'
import type { Fault } from '../users/faults.ts'
import type { Importer } from '../users/grants.ts'
import type { Candidate } from '../users/user.ts'
import type { KnownUser } from './known-users.ts'
import type { Meaning } from './meaning.ts'

/** A candidate on its way into the database. */
export interface Entry {
  /** The row's number. */
  readonly row: number
  readonly candidate: Candidate
  /** Its place in the batch. */
  readonly index: number
}

/** What a row comes to. `wave` orders what is stored: a key that is handed on goes to the next wave. */
export type Decision =
  | { readonly kind: 'create'; readonly user: KnownUser; readonly wave: number }
  | {
      readonly kind: 'update'
      readonly user: KnownUser
      readonly changed: readonly ColumnName[]
      readonly wave: number
    }
  | { readonly kind: 'unchanged'; readonly user: KnownUser }
  | { readonly kind: 'invalid'; readonly faults: readonly Fault[] }

/** What must be known to decide beside the users. */
export interface Circumstances {
  readonly importer: Importer
  readonly meaning: Meaning
  /** Whether the caller's `subject` is the id of a user; else his own user is told by e-mail address. */
  readonly subjectIsUser: boolean
  /** The active owners of the organization as the rows so far leave them. */
  activeOwners: number
  /** The id that the user of an entry gets: the same in every attempt, so that a second says the same. */
  readonly newId: (index: number) => string
}
