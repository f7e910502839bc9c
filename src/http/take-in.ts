import type { Response } from 'express'
import type { Row } from '../import/row.ts'
import { abortReason } from '../import/run-import.ts'
import type { JobStore, PayloadWriter } from '../jobs/job.ts'
import type { ImportMode, ImportPlace, ReceiptWriter } from '../receipts/receipt.ts'
import type { Incoming, Keeper } from './incoming.ts'

/** Holds back the bytes of an upload until it is known where they are to be kept. */
export class LatePayload implements Keeper {
  #held: Buffer[] | undefined = []
  #payload: PayloadWriter | undefined

  async write(bytes: Buffer): Promise<void> {
    if (this.#payload === undefined) this.#held?.push(bytes)
    else await this.#payload.write(bytes)
  }

  /** From now on bytes are kept there, first those that were held back. */
  async begin(payload: PayloadWriter): Promise<void> {
    this.#payload = payload
    for (const bytes of this.#held?.splice(0) ?? []) await payload.write(bytes)
  }

  async end(): Promise<void> {
    await this.#payload?.end()
  }

  /** Nobody wants what was held back, nor what is still to come. */
  async close(): Promise<void> {
    this.#held = undefined
    return Promise.resolve()
  }
}

/** An upload that is taken in for a worker. */
export interface TakeIn {
  readonly jobs: JobStore
  readonly onJob: () => void
  readonly place: ImportPlace
  readonly receipt: ReceiptWriter
  readonly incoming: Incoming
  readonly payload: LatePayload
  readonly rows: AsyncIterable<readonly Row[]>
}

/**
 * Stores an upload as it arrives and hands it over to the workers. Its rows are read once already: they are counted, and
 * whatever ends an upload early is told to its sender rather than in a letter.
 *
 * @throws what the upload was broken off by; its receipt is `aborted` then, or soon
 */
export async function takeIn(parts: TakeIn): Promise<void> {
  const { jobs, place, receipt, incoming, payload, rows } = parts
  try {
    incoming.stopOn(receipt.signal)
    await payload.begin(jobs.receiving(place))
    let count = 0
    for await (const block of rows) count += block.length
    const upload = await incoming.received()
    await payload.end()
    await jobs.queue(place, upload, count)
  } catch (error) {
    const cause: unknown = receipt.signal.aborted ? receipt.signal.reason : error
    // Where that can't be written either, the next heartbeat finds that the import does not run.
    await receipt.abort(abortReason(cause)).catch(() => undefined)
    throw cause
  }
  parts.onJob()
}

/** Answers that an import is done later (RFC 7240 §4.1). */
export function accept(res: Response, mode: ImportMode): void {
  const applied = mode === 'strict' ? 'respond-async, handling=strict' : 'respond-async'
  res.set({ 'Cache-Control': 'no-store', 'Preference-Applied': applied }).status(202).end()
}
