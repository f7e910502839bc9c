import { setTimeout } from 'node:timers/promises'
import { ServiceError } from '../errors.ts'
import type { Chunk, StoredChunk } from './chunk.ts'
import { noCounts, sumOf, type Counts } from './counts.ts'
import { hasEnded, type ImportPlace, type Receipt, type ReceiptStore } from './receipt.ts'

// What a reader who keeps up has not yet taken; what is beyond it he gets from the store.
const FRESH_BYTES = 4 * 2 ** 20

/** Reads chunks of one import from the store. */
export type ReadChunks = (from: number) => Promise<readonly StoredChunk[]>

/**
 * The chunks of an import that runs in this process, for the one who waits for its answer. The import never waits for
 * him: a client that sends its whole upload before it reads would otherwise wait for the service while the service
 * waits for it. What he does not take in time is dropped from memory and read from the store, where it is anyway.
 */
export class LiveChunks {
  readonly #read: ReadChunks
  #fresh: StoredChunk[] = []
  #freshFrom = 0
  #freshBytes = 0
  #stored = 0
  #counts = noCounts
  #isRead = true
  #ended = false
  #failure: unknown
  #wake: () => void = () => undefined

  constructor(read: ReadChunks) {
    this.#read = read
  }

  /** A chunk is stored. */
  add(chunk: Chunk): void {
    this.#stored += 1
    this.#counts = sumOf(this.#counts, chunk.counts)
    if (!this.#isRead) return
    this.#fresh.push(chunk)
    this.#freshBytes += chunk.answer.length + chunk.notes.length
    if (this.#freshBytes > FRESH_BYTES) this.#drop()
    this.#wake()
  }

  /** There will be no more. */
  end(): void {
    this.#ended = true
    this.#wake()
  }

  /** There will be no more, and the import is not complete: the reader gets what is there, and then the error. */
  fail(error: unknown): void {
    this.#failure = error
    this.end()
  }

  /** Resolves when there is a first chunk, or the end without one. @throws what the import failed with, then */
  async begun(): Promise<void> {
    while (this.#stored === 0 && !this.#ended) await this.#change()
    if (this.#stored === 0 && this.#failure !== undefined) throw this.#failure as Error
  }

  /** The chunks from the first on, as they are stored, and at the end their counts. For one reader. */
  async *follow(): AsyncGenerator<StoredChunk, Counts> {
    try {
      for (let next = 0; ;) {
        if (next < this.#stored) {
          const chunks = await this.#take(next)
          if (chunks.length === 0) throw new FollowedAborted(ERASED)
          for (const chunk of chunks) {
            yield chunk
            next += 1
          }
        } else if (!this.#ended) await this.#change()
        else if (this.#failure !== undefined) throw this.#failure as Error
        else return this.#counts
      }
    } finally {
      this.#isRead = false
      this.#drop()
    }
  }

  async #take(next: number): Promise<readonly StoredChunk[]> {
    if (next < this.#freshFrom) return this.#read(next)
    const chunks = this.#fresh.slice(next - this.#freshFrom)
    this.#drop()
    return chunks
  }

  #drop(): void {
    this.#fresh = []
    this.#freshBytes = 0
    this.#freshFrom = this.#stored
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => (this.#wake = resolve))
  }
}

/** The import that is followed was aborted, or its result was deleted: what was read is not all. */
export class FollowedAborted extends ServiceError {
  constructor(detail: string) {
    super('import.aborted', detail, { headers: { 'Retry-After': '1' } })
  }
}

const ERASED = 'The result of the import was deleted while it was read.'

/**
 * So many chunks of an import from the first on, for the run that goes on after them. Trouble with the database is
 * waited for.
 *
 * @throws RangeError If there are fewer
 */
export async function* storedChunks(
  store: Pick<ReceiptStore, 'chunks'>,
  place: ImportPlace,
  count: number,
): AsyncGenerator<StoredChunk> {
  for (let next = 0; next < count;) {
    const chunks = (await store.chunks(place, next)).slice(0, count - next)
    if (chunks.length === 0) throw new RangeError(`chunk ${next} of ${count} is not there`)
    for (const chunk of chunks) yield chunk
    next += chunks.length
  }
}

// How soon a follower in another request sees what is new.
const POLL_MILLISECONDS = 200

/**
 * The chunks of any import from the first on, in whatever process it runs, and as they are stored while it does; at
 * the end their counts.
 *
 * @param gone - given when nobody follows any more; then its reason is thrown
 * @throws FollowedAborted If it was running at first and is aborted then
 */
export async function* followStored(
  store: ReceiptStore,
  receipt: Receipt,
  gone: AbortSignal,
): AsyncGenerator<StoredChunk, Counts> {
  let seen = receipt
  for (let next = 0; ;) {
    const chunks = await store.chunks(receipt, next)
    for (const chunk of chunks) yield chunk
    next += chunks.length
    if (chunks.length > 0) continue
    if (hasEnded(seen)) {
      if (next < seen.chunks) throw new FollowedAborted(ERASED)
      break
    }
    const now = await seenAgain(store, seen)
    // What was stored last may have come after the look into the chunks: another look, and only then the end.
    if (!hasEnded(now) && now.chunks === next) await pause(gone)
    seen = now
  }
  if (seen.state !== 'finished' && !hasEnded(receipt))
    throw new FollowedAborted(
      `The import was ${seen.state === 'failed' ? 'given up' : 'aborted'} while it was followed; its receipt says why.`,
    )
  return seen.counts
}

/** Waits until a condition holds for a receipt, or the import has ended, or who waits has gone. */
export async function receiptWhen(
  store: ReceiptStore,
  receipt: Receipt,
  holds: (receipt: Receipt) => boolean,
  gone: AbortSignal,
): Promise<Receipt> {
  let seen = receipt
  while (!hasEnded(seen) && !holds(seen)) {
    await pause(gone)
    seen = await seenAgain(store, seen)
  }
  return seen
}

async function pause(gone: AbortSignal): Promise<void> {
  await setTimeout(POLL_MILLISECONDS, undefined, { signal: gone })
}

async function seenAgain(store: ReceiptStore, receipt: Receipt): Promise<Receipt> {
  return (await store.again(receipt)) ?? receipt
}
