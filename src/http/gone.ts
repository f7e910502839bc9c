import type { Response } from 'express'

/**
 * Tells when the client has gone before its answer was complete. The socket's word counts: an answer that waits
 * behind another on the same connection is never told.
 */
export function goneSignal(res: Response): AbortSignal {
  const gone = new AbortController()
  const { socket } = res.req
  const stop = (): void => {
    gone.abort()
  }
  socket.once('close', stop)
  res.once('finish', () => socket.off('close', stop))
  if (socket.destroyed) stop()
  return gone.signal
}
