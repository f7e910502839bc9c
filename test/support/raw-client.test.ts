import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, it } from '@jest/globals'
import { RawClient } from './raw-client.ts'

const server = `
  const { createServer } = require('node:net')
  const { parentPort, workerData: { ending, told } } = require('node:worker_threads')
  const server = createServer((socket) => {
    parentPort.once('message', () => {
      socket.write('the last bytes', () => {
        if (ending === 'reset') socket.resetAndDestroy()
        else socket.end()
        Atomics.store(told, 0, 1)
        Atomics.notify(told, 0)
      })
    })
  })
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
`

it.each(['reset', 'ended'] as const)(
  'an end that a busy client sees in one turn with the last bytes is told as what it was: %s',
  async (ending) => {
    const told = new Int32Array(new SharedArrayBuffer(4))
    const worker = new Worker(server, { eval: true, workerData: { ending, told } })
    try {
      const [port] = (await once(worker, 'message')) as [number]
      const client = await RawClient.connect({ port })
      worker.postMessage('connected')
      Atomics.wait(told, 0, 0)
      expect(await client.ending()).toBe(ending)
      expect(client.text).toBe('the last bytes')
    } finally {
      await worker.terminate()
    }
  },
)
