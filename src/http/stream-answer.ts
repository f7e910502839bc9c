import type { Response } from 'express'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { StoredChunk } from '../receipts/chunk.ts'
import { importedOf, noCounts, rowsOf, type Counts } from '../receipts/counts.ts'
import type { AnswerText } from './answer-text.ts'

/** What is streamed. */
export interface StreamedAnswer {
  readonly text: AnswerText
  /** The chunks, and at their end the counts of the import. */
  readonly chunks: AsyncGenerator<StoredChunk, Counts>
  /** Given when the client has gone. */
  readonly gone: AbortSignal
}

/**
 * Streams an answer whose status and headers are set, at the pace of its reader. It ends with trailers where HTTP
 * has them: its summary (RFC 9651) and its digest (RFC 9530).
 *
 * @throws whatever `chunks` throws: then the caller breaks the answer off. That the client has gone is no error.
 */
export async function streamAnswer(res: Response, { text, chunks, gone }: StreamedAnswer): Promise<void> {
  if (res.req.method === 'HEAD') {
    res.end()
    await chunks.return(noCounts)
    return
  }
  const hasTrailers = res.req.httpVersion === '1.1'
  if (hasTrailers) res.setHeader('Trailer', 'Import-Summary, Repr-Digest')
  try {
    if (gone.aborted) return
    const { digest, counts } = await sendAll(res, text, chunks, gone)
    if (hasTrailers) {
      const summary = summaryOf(counts, text.outcome)
      res.addTrailers({ 'Import-Summary': summary, 'Repr-Digest': `sha-256=:${digest}:` })
    }
    res.end()
  } catch (error) {
    if (!gone.aborted) throw error
  } finally {
    await chunks.return(noCounts)
  }
}

async function sendAll(
  res: Response,
  { head, chunk, tail }: AnswerText,
  chunks: StreamedAnswer['chunks'],
  gone: AbortSignal,
): Promise<{ readonly digest: string; readonly counts: Counts }> {
  const hash = createHash('sha256')
  const send = async (text: string | Buffer): Promise<void> => {
    if (text.length === 0) return
    hash.update(text)
    if (!res.write(text)) await once(res, 'drain', { signal: gone })
  }
  res.flushHeaders()
  await send(head)
  for (;;) {
    const next = await chunks.next()
    if (next.done === true) {
      await send(tail)
      return { digest: hash.digest('base64'), counts: next.value }
    }
    gone.throwIfAborted()
    await send(chunk(next.value))
  }
}

/** How many rows came to what, as a dictionary of RFC 9651. */
function summaryOf(counts: Counts, outcome: AnswerText['outcome']): string {
  const { invalid, skipped } = counts
  return `rows=${rowsOf(counts)}, ${outcome}=${importedOf(counts)}, invalid=${invalid}, skipped=${skipped}`
}
