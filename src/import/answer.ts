import type { AnnotatedRow, Layout } from './row.ts'

/** Renders annotated rows in one format, piece by piece. It keeps no row. */
export interface AnswerWriter {
  /** The media type of the answer. */
  readonly mediaType: string
  /** What stands before the first row; may be empty. */
  head(): string
  /** The text of a batch, joined into one string; empty where no row of it is asked for. */
  rows(rows: readonly AnnotatedRow[]): string
}

/** The columns of an upload, as far as its answer needs them. */
export interface AnswerColumns {
  /** The names of the header as they were sent. */
  readonly names: readonly string[]
  /** What each of them means. */
  readonly columns: Layout
}

/** How the caller wants to be answered. */
export interface AnswerOptions {
  /** Leave out every row that is not invalid. */
  readonly onlyInvalid: boolean
  /** Say `created`, `updated` or `unchanged` in place of `imported` or `valid`. */
  readonly detailed: boolean
  /** Give the user's id even though the upload has no such column. */
  readonly returnId: boolean
  /** Nothing was written: what would be `imported` is `valid`, and no blank cell is filled. Default `false`. */
  readonly dryRun?: boolean
}
