/**
 * The vocabulary of the project.
 *
 * - **organization**: a tenant, known by a slug and an integer id
 * - **user**: a person of exactly one organization
 * - **import**: one upload
 * - **row**: one record of the upload, numbered as a spreadsheet shows it (the header is row 1)
 * - **member**: one person of a JSON upload, numbered from 1; to the engine it is a row
 * - **cell**: one value of a row, as it was sent
 * - **column**: one of the thirty things that a user has; see `users/columns.ts`
 * - **property**: what a member has in the place of columns; see `users/members.ts`
 * - **key**: a value that means one user of the organization: id, slug, providerType + providerId, email
 * - **fault**: one reason why a row was refused; see `users/faults.ts`
 * - **verdict**: what the row alone says: blank, faulty, or a candidate
 * - **candidate**: a row whose every cell is good, in canonical form, not yet looked up
 * - **disposition**: what became of the row
 * - **batch**: the rows that are saved in one transaction
 */
import type { ColumnName } from '../users/columns.ts'
import type { Fault } from '../users/faults.ts'
import type { Candidate } from '../users/user.ts'

/** One record of the upload, as it was sent. */
export interface Row {
  /** As a spreadsheet shows it: the header is row 1, the first record row 2. Members count from 1. */
  readonly number: number
  /** As sent, in the upload's order of columns; fewer than columns where the last are absent, never more. */
  readonly cells: readonly string[]
  /** What was found wrong already while it was read. */
  readonly faults: readonly Fault[]
}

/** The columns of an upload in its own order; `undefined` where a column is passed through untouched. */
export type Layout = readonly (ColumnName | undefined)[]

/** What a row says, before anything is known of the database. */
export type Verdict =
  | { readonly kind: 'blank' }
  | { readonly kind: 'faulty'; readonly faults: readonly Fault[] }
  | { readonly kind: 'candidate'; readonly candidate: Candidate }

/** A row and what it says. */
export interface JudgedRow {
  readonly row: Row
  readonly verdict: Verdict
}

/** What became of a row, in full detail. */
export type Disposition = 'created' | 'updated' | 'unchanged' | 'invalid' | 'skipped'

/** A row and what became of it. */
export interface AnnotatedRow {
  readonly row: Row
  readonly disposition: Disposition
  /** Every fault of the row; empty unless it is invalid. */
  readonly faults: readonly Fault[]
  /** The user's id, or `null` where the row is invalid or was skipped. */
  readonly id: string | null
  /** The columns of an updated user whose stored value changed; empty otherwise. */
  readonly changed: readonly ColumnName[]
}
