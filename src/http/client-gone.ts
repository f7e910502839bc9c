import type { Response } from 'express'

/**
 * A signal that is given when the client's connection ends before its answer has. The socket's word counts: an
 * answer that waits behind another on the same connection is never told.
 */
export function clientGone(res: Response): AbortSignal {
  const gone = new AbortController()
  const { socket } = res.req
  const leave = (): void => {
    gone.abort()
  }
  if (socket.destroyed) leave()
  socket.once('close', leave)
  res.once('close', () => socket.off('close', leave))
  return gone.signal
}
