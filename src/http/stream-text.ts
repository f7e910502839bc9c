import type { Response } from 'express'
import { once } from 'node:events'
import { goneSignal } from './gone.ts'

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
  const gone = goneSignal(res)
  for await (const piece of pieces) {
    if (gone.aborted) return
    if (!res.headersSent) begin()
    if (!res.write(piece)) await drained(res, gone)
  }
  res.end()
}

/** Resolves when the reader has taken what was written, or has gone. */
async function drained(res: Response, gone: AbortSignal): Promise<void> {
  await once(res, 'drain', { signal: gone }).catch((error: unknown) => {
    if (!gone.aborted) throw error
  })
}
