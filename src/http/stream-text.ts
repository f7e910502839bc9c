import type { Response } from 'express'
import { once } from 'node:events'

/**
 * Sends a text as fast as its reader takes it; its making waits for him. Nothing is sent before the first piece is
 * there, so that a failure up to then has a status of its own. Where the client goes, the making ends after the
 * piece that is under way.
 *
 * @param begin - sets status and headers
 * @throws whatever the making throws, also after the answer has begun: then the caller breaks it off
 */
export async function streamText(
  res: Response,
  begin: () => void,
  pieces: AsyncGenerator<string>,
): Promise<void> {
  const gone = new AbortController()
  const stop = (): void => {
    gone.abort()
  }
  // The socket's word counts: an answer that waits behind another on the same connection is never told.
  const { socket } = res.req
  socket.once('close', stop)
  try {
    for await (const piece of pieces) {
      if (socket.destroyed) return
      if (!res.headersSent) begin()
      if (!res.write(piece)) await drained(res, gone.signal)
      if (gone.signal.aborted) return
    }
    res.end()
  } finally {
    socket.off('close', stop)
  }
}

/** Resolves when the reader has taken what was written, or has gone. */
async function drained(res: Response, gone: AbortSignal): Promise<void> {
  await once(res, 'drain', { signal: gone }).catch((error: unknown) => {
    if (!gone.aborted) throw error
  })
}
