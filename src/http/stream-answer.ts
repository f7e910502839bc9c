import type { Response } from 'express'
import { once } from 'node:events'
import { AnswerSpool } from './answer-spool.ts'

/**
 * Streams an answer that is being made. Nothing is sent before its first piece is there, so that a failure
 * up to then has a status of its own; the making never waits for the client.
 *
 * @param begin - sets status and headers; called when the first piece is there, or at the end of none
 * @param head - what stands before the first piece
 * @throws whatever the making throws, also after the answer has begun: then the caller breaks it off
 */
export async function streamAnswer(
  res: Response,
  pieces: AsyncGenerator<string>,
  { begin, head }: { begin: () => void; head: string },
): Promise<void> {
  const first = await pieces.next()
  begin()
  const spool = new AnswerSpool()
  const gone = new AbortController()
  const stop = (): void => {
    gone.abort()
    spool.fail(new ClientGone())
  }
  // The socket's word counts: an answer that waits behind another on the same connection is never told.
  const { socket } = res.req
  socket.once('close', stop)
  // He may have gone while the first piece was made; then no event tells of it any more.
  if (socket.destroyed) stop()
  await spool.write(head)
  const making = make(spool, first, pieces, gone.signal)
  try {
    await send(spool, res, gone.signal)
    res.end()
  } finally {
    socket.off('close', stop)
    await making
    await spool.close()
  }
}

/** The client has gone before its answer was complete. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone'
}

/** Fills the spool. It never rejects: a failure reaches the reader, after everything that was made before. */
async function make(
  spool: AnswerSpool,
  first: IteratorResult<string, unknown>,
  rest: AsyncGenerator<string>,
  gone: AbortSignal,
): Promise<void> {
  try {
    let piece = first
    while (piece.done !== true && !gone.aborted) {
      await spool.write(piece.value)
      piece = await rest.next()
    }
    spool.end()
  } catch (error) {
    spool.fail(error)
  } finally {
    await rest.return(undefined)
  }
}

async function send(spool: AnswerSpool, res: Response, gone: AbortSignal): Promise<void> {
  for await (const bytes of spool.read()) {
    if (gone.aborted) throw new ClientGone()
    if (!res.write(bytes)) await drained(res, gone)
  }
}

async function drained(res: Response, gone: AbortSignal): Promise<void> {
  try {
    await once(res, 'drain', { signal: gone })
  } catch (error) {
    throw gone.aborted ? new ClientGone('', { cause: error }) : error
  }
}
