import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/** What a client got that sent something, closed its half and read to the end. */
export interface Got {
  readonly text: string
  readonly status: number
  readonly ending: 'ended' | 'reset'
}

// libuv takes a reset that comes in the same turn as the last bytes for an ordinary end, so a client in the loop of a
// busy service would see one for the other. This one has a thread and a loop of its own.
const client = `
  const { connect } = require('node:net')
  const { parentPort, workerData } = require('node:worker_threads')
  const socket = connect({ port: workerData.port, host: '127.0.0.1', allowHalfOpen: true })
  const chunks = []
  let ending = 'ended'
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('end', () => socket.destroy())
  socket.on('error', () => (ending = 'reset'))
  socket.on('close', () => parentPort.postMessage({ text: Buffer.concat(chunks).toString(), ending }))
  socket.end(workerData.text)
`

/** Sends a text, closes its half, and reads all that comes. */
export async function sendAndHalfClose(port: number, text: string): Promise<Got> {
  const worker = new Worker(client, { eval: true, workerData: { port, text } })
  try {
    const [got] = (await once(worker, 'message')) as [Omit<Got, 'status'>]
    return { ...got, status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(got.text)?.[1] ?? 0) }
  } finally {
    await worker.terminate()
  }
}
