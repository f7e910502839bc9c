import { randomUUID } from 'node:crypto'
import { ServiceError } from '../../src/errors.ts'
import type { Chunk, StoredChunk } from '../../src/receipts/chunk.ts'
import type {
  Ending,
  HistoryPage,
  NewImport,
  Opened,
  Receipt,
  ReceiptScope,
  ReceiptStore,
  ReceiptWriter,
  WholeResult,
} from '../../src/receipts/receipt.ts'
import type { BatchStore } from '../../src/users/user-directory.ts'
import { MemoryDirectory } from '../import/memory-directory.ts'

type Place = Pick<Receipt, 'organizationId' | 'id'>

const AT_ONCE = 2

/** A receipt in memory: what is kept of an import, and what only its writer knows. */
interface Kept {
  receipt: Receipt
  chunks: Chunk[]
  controller: AbortController
}

/** The receipts of all organizations in memory, and the users that their imports write. */
export class MemoryReceipts implements ReceiptStore {
  readonly directory = new MemoryDirectory()
  readonly #kept = new Map<string, Kept>()
  /** How often a transaction over a whole import is rolled back at its end and run again, for trouble. */
  trouble = 0
  /** How often chunks were read back. */
  reads = 0

  /** What is kept of an import now. */
  receiptOf(id: string): Receipt {
    return this.#keptOf(id).receipt
  }

  /** The text of its rows. */
  textOf(id: string): string {
    return Buffer.concat(this.#keptOf(id).chunks.map(({ answer }) => answer)).toString()
  }

  open(wanted: NewImport): Promise<Opened> {
    const id = randomUUID()
    const receipt: Receipt = {
      ...wanted,
      id,
      state: 'running',
      reason: undefined,
      refused: false,
      counts: { created: 0, updated: 0, unchanged: 0, invalid: 0, skipped: 0 },
      chunks: 0,
      upload: undefined,
      answerDigest: undefined,
      createdAt: new Date(),
      endedAt: undefined,
      erasedAt: undefined,
      job: undefined,
    }
    this.#kept.set(id, { receipt, chunks: [], controller: new AbortController() })
    return Promise.resolve({ kind: 'new', writer: this.#writerOf(receipt) })
  }

  /** The writer of an import whose earlier run was cut off. */
  writerAgain(id: string): ReceiptWriter {
    const kept = this.#keptOf(id)
    kept.controller = new AbortController()
    return this.#writerOf(kept.receipt)
  }

  find({ organizationId, caller }: ReceiptScope, id: string): Promise<Receipt | undefined> {
    const receipt = this.#kept.get(id)?.receipt
    const isThere =
      receipt?.organizationId === organizationId && (caller === undefined || caller === receipt.caller)
    return Promise.resolve(isThere ? receipt : undefined)
  }

  findByKey({ organizationId }: ReceiptScope, _caller: string, key: string): Promise<Receipt | undefined> {
    const all = [...this.#kept.values()].map(({ receipt }) => receipt)
    return Promise.resolve(
      all.find((one) => one.organizationId === organizationId && one.idempotencyKey === key),
    )
  }

  letters(): Promise<readonly []> {
    return Promise.resolve([])
  }

  again({ id }: Place): Promise<Receipt | undefined> {
    return Promise.resolve(this.#kept.get(id)?.receipt)
  }

  list({ organizationId }: ReceiptScope): Promise<HistoryPage> {
    const all = [...this.#kept.values()].map(({ receipt }) => receipt)
    const receipts = all.filter((receipt) => receipt.organizationId === organizationId).reverse()
    return Promise.resolve({ receipts, next: undefined })
  }

  chunks({ id }: Place, from: number): Promise<readonly StoredChunk[]> {
    this.reads += 1
    return Promise.resolve(this.#keptOf(id).chunks.slice(from, from + AT_ONCE))
  }

  requestStop({ id }: Place): Promise<void> {
    const stopped = new ServiceError('import.stopped', 'The import was stopped.')
    this.#keptOf(id).controller.abort(stopped)
    return Promise.resolve()
  }

  erase({ id }: Place): Promise<void> {
    const kept = this.#keptOf(id)
    kept.chunks = []
    kept.receipt = { ...kept.receipt, erasedAt: new Date() }
    return Promise.resolve()
  }

  #keptOf(id: string): Kept {
    const kept = this.#kept.get(id)
    if (kept === undefined) throw new RangeError('there is no such import')
    return kept
  }

  #change(id: string, change: Partial<Receipt>): void {
    const kept = this.#keptOf(id)
    if (kept.receipt.state !== 'running') throw new ServiceError('import.lost', 'The import has ended.')
    kept.receipt = { ...kept.receipt, ...change }
  }

  #append(id: string, chunk: Chunk): void {
    const { receipt, chunks } = this.#keptOf(id)
    const sums = Object.entries(receipt.counts).map(([name, count]) => [
      name,
      Number(count) + chunk.counts[name as keyof Chunk['counts']],
    ])
    const counts = Object.fromEntries(sums) as unknown as Receipt['counts']
    this.#change(id, { chunks: receipt.chunks + 1, counts })
    chunks.push(chunk)
  }

  #writerOf({ organizationId, id }: Place): ReceiptWriter {
    const changing = (change: Partial<Receipt>): Promise<void> =>
      Promise.resolve().then(() => {
        this.#change(id, change)
      })
    return {
      id,
      signal: this.#keptOf(id).controller.signal,
      store: this.directory.store<Chunk>(organizationId, (chunk) => {
        this.#append(id, chunk)
      }),
      inOne: (work, keep) => this.#inOne({ organizationId, id }, work, keep),
      isRefused: false,
      refuse: () => changing({ refused: true }),
      uploaded: (upload) => changing({ upload }),
      finish: ({ upload, answerDigest }) =>
        changing({ state: 'finished', upload, answerDigest, endedAt: new Date() }),
      abort: (reason) => changing({ state: 'aborted', reason, endedAt: new Date() }),
    }
  }

  async #inOne<R>(
    { organizationId, id }: Place,
    work: (store: BatchStore<R>) => Promise<WholeResult | undefined>,
    keep: (record: R) => Promise<void>,
  ): Promise<boolean> {
    const drafts: Chunk[] = []
    let ending: Ending | undefined
    const attempt = (): Promise<boolean> =>
      this.directory.inOne<R>(organizationId, async (store) => {
        drafts.length = 0
        const keeping: BatchStore<R> = {
          save: async (save) => {
            const batch = await store.save(save)
            await keep(batch.record)
            return batch
          },
        }
        const result = await work(keeping)
        for await (const chunk of result?.chunks ?? []) drafts.push(chunk)
        ending = result?.ending()
        if (this.trouble > 0) throw new Trouble()
        return result !== undefined
      })
    for (;;) {
      try {
        const commits = await attempt()
        if (!commits || ending === undefined) return false
        for (const chunk of drafts) this.#append(id, chunk)
        this.#change(id, { state: 'finished', ...ending, endedAt: new Date() })
        return true
      } catch (error) {
        if (!(error instanceof Trouble)) throw error
        this.trouble -= 1
      }
    }
  }
}

class Trouble extends Error {}
