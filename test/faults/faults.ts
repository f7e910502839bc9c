// Breaks imports in every way that can be thought of, and checks after each that no row was lost and none doubled.
// `npm run test:faults` runs every loop a few times; see options.ts for more.
import { startPostgres } from '../support/postgres-server.ts'
import type { Lab } from './lab.ts'
import { readOptions, usage, type Options, type WantedLoop } from './options.ts'
import { cellsOf, record } from './report.ts'
import { Stand } from './stand.ts'
import { Tally } from './tally.ts'

const tell = (text: string): void => void process.stderr.write(`${text}\n`)

async function runLoop(stand: Stand, options: Options, { loop, amounts }: WantedLoop): Promise<Tally> {
  const tally = new Tally(loop.fault)
  const { rows, seed, from } = options
  const mark = loop.option.replace(/[^a-z]/g, '')
  const lab: Lab = { mark, stand, rows, seed, from, tally, tell, deferred: [] }
  const started = performance.now()
  try {
    await loop.run(lab, amounts[0] ?? 0, amounts)
    for (const check of lab.deferred) await check()
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
    tally.complain(`${loop.fault}, seed ${seed}, after run ${tally.runs}`, [{ property: 'complete', what }])
    stand.proxy.heal()
    await stand.restartService()
  }
  process.stdout.write(`${cellsOf(tally).join(' | ')}\n`)
  for (const complaint of tally.complaints.slice(0, 40)) process.stdout.write(`  ${complaint}\n`)
  tell(`${loop.fault}: ${((performance.now() - started) / 1_000).toFixed(1)} s`)
  return tally
}

async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(args)
  tell(`seed ${options.seed}`)
  const server = await startPostgres()
  let stand: Stand | undefined
  try {
    stand = await Stand.start(server)
    const tallies: Tally[] = []
    for (const wanted of options.loops) tallies.push(await runLoop(stand, options, wanted))
    const command = [
      'npm run test:faults --',
      ...args,
      ...(args.includes('--seed') ? [] : [`--seed ${options.seed}`]),
    ]
    if (options.record) await record(tallies, command.filter((arg) => arg !== '--record').join(' '))
    if (tallies.some(({ failed }) => failed)) process.exitCode = 1
  } finally {
    await stand?.close()
    await server.stop()
  }
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  tell(`faults: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n${usage}`)
  process.exitCode = 1
}
process.exit()
