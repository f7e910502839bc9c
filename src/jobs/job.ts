import type {
  ImportPlace,
  NewImport,
  NewJob,
  Opened,
  Receipt,
  ReceiptWriter,
  UploadDigest,
} from '../receipts/receipt.ts'

/** An import that a worker has claimed. */
export interface Job {
  readonly receipt: Receipt
  /** What the worker has to know, as JSON. */
  readonly instructions: string
  /**
   * Writes its receipt until another worker claims it. Aborted by a reason that time may mend, such as trouble with the
   * database or the end of this process, the job waits for a worker again; otherwise it ends.
   */
  readonly writer: ReceiptWriter
  /** The bytes that were sent, from the first on; as often as needed. */
  readonly payload: () => AsyncIterable<Buffer>
}

/** An import that is to be done later. */
export interface WantedJob extends NewImport {
  readonly job: NewJob
}

/** What became of the wish to have an import done later. */
export type Submitted = { readonly kind: 'new'; readonly id: string } | Extract<Opened, { kind: 'known' }>

/** Keeps what is sent for a job, as it arrives. */
export interface PayloadWriter {
  /** Keeps bytes, in order. Some are held back until they are worth a statement. */
  write(bytes: Buffer): Promise<void>
  /** Keeps what was held back. */
  end(): Promise<void>
}

/** The jobs of all organizations. */
export interface JobStore {
  /**
   * Keeps an import whose payload is there: payload, receipt and queue entry in one transaction. Where its key is known
   * it is not done again.
   *
   * @param payload - asked for again where the transaction has to be tried again
   * @throws ServiceError `imports.too_many` Where too many bytes of the organization wait already; `database.unreachable`
   */
  submit(wanted: WantedJob, payload: () => AsyncIterable<Buffer>, upload: UploadDigest): Promise<Submitted>
  /** Takes the payload of an import that was opened by `ReceiptStore.open`, as it arrives. */
  receiving(place: ImportPlace): PayloadWriter
  /**
   * Hands an import over to the workers, whose payload has come as a whole.
   *
   * @throws ServiceError `import.lost` If it was given up meanwhile
   */
  queue(place: ImportPlace, upload: UploadDigest, rowsTotal: number): Promise<void>
  /**
   * Claims the job of the organization whose turn it is, for this process.
   *
   * @throws ServiceError `database.unreachable`
   */
  claim(): Promise<Job | undefined>
  /** Sees to it that every organization whose jobs wait gets its turn, whatever was lost. */
  remind(): Promise<void>
  /**
   * Of the jobs that this process runs, the id of one that has had its turn while another organization waits for a worker,
   * with much less to do: it may be stopped by `turn.over` and goes on later.
   */
  overdue(): Promise<string | undefined>
}
