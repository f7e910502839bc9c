import type { RequestHandler } from 'express'

/** `GET /healthz`: the process lives. */
export const healthz: RequestHandler = (_req, res) => {
  res.set('Cache-Control', 'no-store').json({ status: 'ok' })
}

/** `GET /readyz`: database and keys answer. `ready` throws where they do not. */
export function readyz(ready: () => Promise<void>): RequestHandler {
  return async (_req, res) => {
    await ready()
    res.set('Cache-Control', 'no-store').json({ status: 'ready' })
  }
}
