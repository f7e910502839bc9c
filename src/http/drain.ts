import type { Request, RequestHandler, Response } from 'express'

// A client in the middle of sending sees an early answer only when its connection stays open.
const DRAIN_BYTES = 64 * 2 ** 20
const DRAIN_MILLISECONDS = 30_000

/**
 * Reads on, and drops, what a client is still sending when its answer is complete: most clients look at the
 * answer only then. What goes on for too long is cut.
 */
export const drainRest: RequestHandler = (req, res, next) => {
  // Later, when the answer is on its way, Node itself would drop the rest, and all of it.
  res.once('prefinish', () => {
    if (!req.complete && !req.destroyed) drain(req, res)
  })
  next()
}

function drain(req: Request, res: Response): void {
  const cut = (): void => {
    req.socket.destroy()
  }
  const timer = setTimeout(cut, DRAIN_MILLISECONDS)
  let bytes = 0
  req.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > DRAIN_BYTES) cut()
  })
  const stop = (): void => {
    clearTimeout(timer)
  }
  req.once('end', stop)
  res.once('close', stop)
  req.once('close', stop)
  req.resume()
}
