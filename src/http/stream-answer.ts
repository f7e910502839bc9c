import type { Response } from 'express'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { StoredChunk } from '../receipts/chunk.ts'
import { importedOf, rowsOf, type Receipt } from '../receipts/receipt.ts'
import { outcomeOf, type AnswerText } from './answer-text.ts'

/** What is streamed. */
export interface StreamedAnswer {
  readonly text: AnswerText
  readonly chunks: AsyncGenerator<StoredChunk>
  /** The receipt once all chunks were sent, for the trailers. */
  readonly receipt: () => Promise<Receipt | undefined>
}

/**
 * Streams an answer whose status and headers are set, at the pace of its reader. It ends with trailers where HTTP
 * has them: its summary (RFC 9651) and its digest (RFC 9530).
 *
 * @throws whatever `chunks` throws: then the caller breaks the answer off. That the client has gone is no error.
 */
export async function streamAnswer(res: Response, { text, chunks, receipt }: StreamedAnswer): Promise<void> {
  const hasTrailers = res.req.httpVersion === '1.1'
  if (hasTrailers) res.setHeader('Trailer', 'Import-Summary, Repr-Digest')
  if (res.req.method === 'HEAD') {
    res.end()
    await chunks.return(undefined)
    return
  }
  const gone = new AbortController()
  const stop = (): void => {
    gone.abort()
  }
  // The socket's word counts: an answer that waits behind another on the same connection is never told.
  const { socket } = res.req
  socket.once('close', stop)
  try {
    if (socket.destroyed) return
    const digest = await sendAll(res, text, chunks, gone.signal)
    const ended = hasTrailers ? await receipt() : undefined
    if (ended !== undefined) {
      res.addTrailers({ 'Import-Summary': summaryOf(ended), 'Repr-Digest': `sha-256=:${digest}:` })
    }
    res.end()
  } catch (error) {
    if (!gone.signal.aborted) throw error
  } finally {
    socket.off('close', stop)
    await chunks.return(undefined)
  }
}

async function sendAll(
  res: Response,
  { head, chunk }: AnswerText,
  chunks: AsyncIterable<StoredChunk>,
  gone: AbortSignal,
): Promise<string> {
  const digest = createHash('sha256')
  const send = async (text: string | Buffer): Promise<void> => {
    if (text.length === 0) return
    digest.update(text)
    if (!res.write(text)) await once(res, 'drain', { signal: gone })
  }
  res.flushHeaders()
  await send(head)
  for await (const each of chunks) {
    gone.throwIfAborted()
    await send(chunk(each))
  }
  return digest.digest('base64')
}

/** How many rows came to what, as a dictionary of RFC 9651. */
function summaryOf(receipt: Receipt): string {
  const { counts } = receipt
  const { invalid, skipped } = counts
  return `rows=${rowsOf(counts)}, ${outcomeOf(receipt)}=${importedOf(counts)}, invalid=${invalid}, skipped=${skipped}`
}
