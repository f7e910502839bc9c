// Asks /healthz every 20 ms until it is told to stop. A process of its own, so that reading the answer of the
// import does not keep it waiting.
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import type { Health } from './healthz.ts'

const INTERVAL = 20
const LONGEST = 10_000

const [url = ''] = process.argv.slice(2)
const agent = new Agent({ keepAlive: true })
const latencies: number[] = []
let failed = 0

/** Also a question that is never answered has a latency. */
function ask(): Promise<void> {
  const started = performance.now()
  return new Promise((resolve) => {
    const end = (good: boolean): void => {
      latencies.push(performance.now() - started)
      if (!good) failed += 1
      resolve()
    }
    get(url, { agent, timeout: LONGEST, signal: AbortSignal.timeout(LONGEST) }, (answer) => {
      answer.resume().once('end', () => {
        end(answer.statusCode === 200)
      })
    }).once('error', () => {
      end(false)
    })
  })
}

function health(): Health {
  const sorted = latencies.sort((a, b) => a - b)
  const p99 = sorted[Math.min(Math.ceil(sorted.length * 0.99), sorted.length) - 1] ?? 0
  return { asked: sorted.length, failed, p99, longest: sorted.at(-1) ?? 0 }
}

process.once('disconnect', () => process.exit())
await ask()
latencies.length = 0
process.send?.('ready')

const asked: Promise<void>[] = []
// The next question does not wait for the answer to this one.
const questions = setInterval(() => asked.push(ask()), INTERVAL)
await once(process, 'message')
clearInterval(questions)
await Promise.all(asked)
process.send?.(health(), () => {
  process.disconnect()
})
