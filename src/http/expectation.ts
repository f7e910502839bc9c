import type { IncomingMessage, ServerResponse } from 'node:http'

/** Requests whose clients have not been asked for the body yet. */
const waiting = new WeakMap<IncomingMessage, ServerResponse>()

/**
 * Takes note that a client waits until it is asked before it sends its body (RFC 9110 §10.1.1). Who is refused first need
 * not send it.
 */
export function expectsToBeAsked(req: IncomingMessage, res: ServerResponse): void {
  waiting.set(req, res)
  // Node would end the connection under who has waited long enough and sends it all the same: he would miss the answer.
  if (res.shouldKeepAlive) res.setHeader('Connection', 'keep-alive')
}

/** Asks for the body, once, where the client waits for that: `100 Continue`. */
export function askForBody(req: IncomingMessage): void {
  waiting.get(req)?.writeContinue()
  waiting.delete(req)
}
