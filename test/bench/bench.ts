// Measures the import beside psql's \copy of the same rows: the rate, the memory, and whether the service still
// answers others meanwhile. `npm run bench -- --quick` only shows that the benchmark works.
import { newestPrograms } from '../support/postgres-server.ts'
import { withFiles } from './files.ts'
import { measure, type Measurement } from './measure.ts'
import { readOptions, runsOf, stepsOf, usage, type Options } from './options.ts'
import { circumstances, record, tableOf, type Result } from './report.ts'
import type { Shape } from './rows.ts'

interface Size {
  readonly shape: Shape
  readonly rows: number
  readonly runs: number
}

const sizesOf = (options: Options): readonly Size[] =>
  options.shapes.flatMap((shape) =>
    options.rows.map((rows) => ({ shape, rows, runs: runsOf(options, rows) })),
  )

const tell = (text: string): void => void process.stderr.write(`${text}\n`)

async function measureSize({ shape, rows, runs }: Size, signal: AbortSignal): Promise<Result> {
  const steps = stepsOf(rows)
  return withFiles({ shape, rows, changed: steps.includes('changed') }, async (files) => {
    const measured: (readonly Measurement[])[] = []
    for (let run = 1; run <= runs; run += 1) {
      tell(`${shape}, ${rows} rows, run ${run} of ${runs}`)
      measured.push(await measure({ rows, files, steps, signal }))
    }
    return { shape, rows, runs: measured }
  })
}

async function bench(options: Options, signal: AbortSignal): Promise<void> {
  const title = await circumstances(await newestPrograms())
  const results: Result[] = []
  for (const size of sizesOf(options)) results.push(await measureSize(size, signal))
  const table = tableOf(results)
  const claim = options.quick
    ? '\nA smoke run: it shows that the benchmark works, its figures mean nothing.'
    : ''
  process.stdout.write(`${title}\n\n${table}\n${claim}\n`)
  if (options.record) await record(title, table)
}

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    stop.abort(new Error(`stopped by ${signal}`))
  })
}
try {
  await bench(readOptions(process.argv.slice(2)), stop.signal)
} catch (error) {
  tell(`bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n${usage}`)
  process.exitCode = 1
}
