import type { IncomingMessage } from 'node:http'
import { ServiceError } from '../errors.ts'
import { askForBody } from './expectation.ts'
import { tooSlow, type Patience } from './pace.ts'

/**
 * The body of a request as it arrives. Bytes are taken from the connection only when they are asked for, and
 * leaving half-way leaves the connection open, so that an answer still can go and the rest be drained.
 *
 * @param patience - with the client; it is spent here
 * @throws ServiceError `request.interrupted` where the body ends before it is complete, `request.too_slow` where
 *   the patience does
 */
export async function* bodyOf(req: IncomingMessage, patience: Patience): AsyncGenerator<Buffer> {
  askForBody(req)
  for (;;) {
    const chunk = req.read() as Buffer | null
    if (chunk !== null) {
      patience.earn(chunk.length)
      yield chunk
    } else if (req.readableEnded || req.destroyed) break
    else await waitFor(req, patience)
  }
  // Of a client who has gone all may have come, and then it counts.
  if (!req.complete) throw interrupted()
}

/** The upload is not whole, whatever has come of it. */
export function interrupted(cause?: unknown): ServiceError {
  return new ServiceError('request.interrupted', 'The upload ended before it was complete.', { cause })
}

async function waitFor(req: IncomingMessage, patience: Patience): Promise<void> {
  if (patience.left === 0) throw tooSlow()
  const began = performance.now()
  await moved(req, patience.left)
  patience.spend(performance.now() - began)
}

const movements = ['readable', 'end', 'error', 'close'] as const

/** Resolves when there is something to read, or nothing more to come, or after `within` milliseconds. */
async function moved(req: IncomingMessage, within: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      for (const event of movements) req.off(event, done)
      resolve()
    }
    // Nobody waits any more where the upload was given up; its connection says whether the process is needed.
    const timer = setTimeout(done, within).unref()
    for (const event of movements) req.on(event, done)
  })
}
