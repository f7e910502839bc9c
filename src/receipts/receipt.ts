import type { ServiceError } from '../errors.ts'
import type { AnswerOptions } from '../import/answer.ts'
import type { Layout } from '../import/row.ts'
import type { BatchStore } from '../users/user-directory.ts'
import type { Chunk, StoredChunk } from './chunk.ts'
import type { Counts } from './counts.ts'
import type { LetterStatus } from './letter.ts'

/**
 * `waiting` for a worker; `running` until its last word is said; `aborted` with a reason where it was stopped or its
 * upload or process was lost, `failed` with one where a worker gave it up.
 */
export type ImportState = 'waiting' | 'running' | 'finished' | 'aborted' | 'failed'

/** What is imported: the rows of a CSV file, or the members of a JSON document. */
export type ImportKind = 'users' | 'members'

/** How rows are imported: each on its own, all or none of them, or none in any case. */
export type ImportMode = 'each' | 'strict' | 'dryRun'

/** All that is needed to write the answer of an import again. */
export interface AnswerForm {
  readonly names: readonly string[]
  readonly columns: Layout
  readonly delimiter: string
  readonly lineEnd: string
  readonly bom: boolean
  /** What the upload was decoded from. */
  readonly charset: string
  readonly options: AnswerOptions
}

/** Where an import stands. */
export interface ImportPlace {
  readonly organizationId: number
  readonly id: string
}

/** Whose import it is. */
export interface ImportOwner {
  readonly organizationId: number
  /** The token's `sub`, or `credential:ID` of a program that calls for itself. */
  readonly caller: string
  readonly callerEmail: string | undefined
}

/** What is kept of an import for the worker that does it later. */
export interface NewJob {
  /** Whom the letter goes to; or why to nobody, by which the import is refused where its key is not known. */
  readonly recipient: string | ServiceError
  /** What the worker has to know, as JSON. */
  readonly instructions: string
  /** How many rows there are, where that is known. */
  readonly rowsTotal: number | undefined
}

/** How far a worker has come. */
export interface JobProgress {
  readonly rowsTotal: number | undefined
  /** How often it was begun since it last got anywhere. */
  readonly attempts: number
  /** What went wrong when it was last tried, where it did. */
  readonly trouble: string | undefined
  /** When a worker first took it. */
  readonly startedAt: Date | undefined
}

/** An import that is about to begin. */
export interface NewImport extends ImportOwner {
  readonly kind: ImportKind
  readonly mode: ImportMode
  readonly fileName: string | undefined
  /** The key by which the caller knows it, beside its id. */
  readonly idempotencyKey: string | undefined
  /**
   * What is compared where a key is used again: what was asked for beside the file, in one form whatever its order; of
   * members, what their body means.
   */
  readonly request: string
  readonly form: AnswerForm
  /** Given where the import is not done while the caller waits. */
  readonly job?: NewJob | undefined
}

/** What is known of the file that was uploaded, once all of it has come. */
export interface UploadDigest {
  readonly bytes: number
  /** SHA-256 in base64. */
  readonly sha256: string
}

/** Why an import was aborted: a stable code and a sentence for people. */
export interface AbortReason {
  readonly code: string
  readonly detail: string
}

/** What the service keeps of an import. */
export interface Receipt extends Omit<NewImport, 'job'> {
  readonly id: string
  readonly state: ImportState
  readonly reason: AbortReason | undefined
  /** Whether it was a strict import that nothing was written of, since a row was invalid. */
  readonly refused: boolean
  readonly counts: Counts
  /** How many chunks its result has by now. */
  readonly chunks: number
  readonly upload: UploadDigest | undefined
  /** SHA-256 in base64 of the result as CSV; there once it is finished. */
  readonly answerDigest: string | undefined
  readonly createdAt: Date
  readonly endedAt: Date | undefined
  /** When its result was deleted; the counts stay. */
  readonly erasedAt: Date | undefined
  /** Of an import in the background. */
  readonly job: JobProgress | undefined
}

/** Whether nothing more becomes of an import. */
export const hasEnded = ({ state }: Pick<Receipt, 'state'>): boolean =>
  state !== 'waiting' && state !== 'running'

/**
 * Whether it is known what the rows of an import come to, so that its result may be shown as far as it is there. Those
 * of a strict import or dry run are told with the first of them; in the background only at its end, since
 * another worker may have to begin again.
 */
export const isTold = (receipt: Pick<Receipt, 'state' | 'mode' | 'chunks' | 'job'>): boolean =>
  receipt.mode === 'each' || (receipt.job === undefined ? receipt.chunks > 0 : hasEnded(receipt))

/** What an import comes to at its end. */
export interface Ending {
  readonly upload: UploadDigest
  readonly answerDigest: string
}

/** The result of an import that is committed as a whole. */
export interface WholeResult {
  readonly chunks: AsyncIterable<Chunk>
  /** To be asked for once all chunks were taken. */
  readonly ending: () => Ending
}

/** Writes the receipt of one running import. */
export interface ReceiptWriter {
  readonly id: string
  /** Says that the import has to end after its batch; its reason is why. */
  readonly signal: AbortSignal
  readonly store: BatchStore<Chunk>
  /**
   * Runs all batches of an import in one transaction. The result that `work` returns is stored with them, the receipt
   * is finished and all is committed; where it returns nothing, all is rolled back. It is run again from its
   * beginning after trouble with the database. Once it is about to be committed the import can't be stopped any more.
   *
   * @returns whether it was committed
   */
  inOne<R>(
    work: (store: BatchStore<R>) => Promise<WholeResult | undefined>,
    kept: (record: R) => Promise<void>,
  ): Promise<boolean>
  /** Whether {@link refuse} was called. */
  readonly isRefused: boolean
  /** Notes that a strict import is refused. */
  refuse(): Promise<void>
  /** Notes that the upload has come as a whole, for whoever sends the same again. */
  uploaded(upload: UploadDigest): Promise<void>
  /** Ends it well; the import is complete once this returns. */
  finish(ending: Ending): Promise<void>
  /**
   * Hears why a run could not complete it; nothing of its batches is under way any more. The reason decides what comes
   * of that: an import that a request waits for ends here, and its idempotency key is free; one that others can go on
   * with after the last chunk may be left to them.
   */
  abort(reason: AbortReason): Promise<void>
}

/** What became of the wish to begin an import: a new one, or the one that has its idempotency key already. */
export type Opened =
  | { readonly kind: 'new'; readonly writer: ReceiptWriter }
  | { readonly kind: 'known'; readonly receipt: Receipt }

/** Which receipts somebody may see: those of an organization, or of one caller in it. */
export interface ReceiptScope {
  readonly organizationId: number
  readonly kind: ImportKind
  /** `undefined` for all callers. */
  readonly caller: string | undefined
}

/** A place in the history, from which it goes on to older imports. */
export interface HistoryCursor {
  readonly createdAt: string
  readonly id: string
}

/** What to show of the history. */
export interface HistoryQuery {
  readonly limit: number
  readonly before: HistoryCursor | undefined
  readonly idempotencyKey: string | undefined
}

/** A page of the history, newest first, and where the next begins. */
export interface HistoryPage {
  readonly receipts: readonly Receipt[]
  readonly next: HistoryCursor | undefined
}

/** The receipts of all imports. */
export interface ReceiptStore {
  /**
   * Begins an import; from now on its receipt exists.
   *
   * @throws ServiceError `imports.too_many` Above the limit of imports at once; `database.unreachable`
   */
  open(wanted: NewImport): Promise<Opened>
  find(scope: ReceiptScope, id: string): Promise<Receipt | undefined>
  /**
   * The import that a caller knows by a key of his own: the latest, where some were aborted; one of his own, where others
   * have used the same.
   */
  findByKey(scope: ReceiptScope, caller: string, key: string): Promise<Receipt | undefined>
  list(scope: ReceiptScope, query: HistoryQuery): Promise<HistoryPage>
  /** A receipt as it is now, for whoever follows its import: trouble with the database is waited for. */
  again(receipt: ImportPlace): Promise<Receipt | undefined>
  /** The letters about an import. */
  letters(receipt: ImportPlace): Promise<readonly LetterStatus[]>
  /** Some chunks from a number on, in order; none where there are none yet. Trouble is waited for. */
  chunks(receipt: ImportPlace, from: number): Promise<readonly StoredChunk[]>
  /** Ends an import that waits for a worker, and asks one that runs to stop after its batch. */
  requestStop(receipt: ImportPlace): Promise<void>
  /** Deletes the result of an import that has ended. */
  erase(receipt: ImportPlace): Promise<void>
}
