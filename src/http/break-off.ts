import type { Socket } from 'node:net'

// What was written last should be read before the reset comes: a reset takes away what is still on its way, and
// clients on libuv that read both at once take it for an ordinary end.
const LAST_BYTES_MILLISECONDS = 100

/** Breaks a connection off so that every client, under every version of HTTP, sees that the answer is cut. */
export function breakOff(socket: Socket): void {
  setTimeout(() => {
    socket.resetAndDestroy()
  }, LAST_BYTES_MILLISECONDS)
}
