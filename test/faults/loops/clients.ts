import { mkdtemp, rm } from 'node:fs/promises'
import { createWriteStream } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout } from 'node:timers/promises'
import { whilePolling, type Health } from '../../bench/healthz.ts'
import type { Lab, Run } from '../lab.ts'
import { checkAnswer, type Answer } from '../oracle/answer.ts'
import { checkCleanRun, checkKept, checkResultIsStored } from '../oracle/import.ts'
import { checkReceipt } from '../oracle/receipt.ts'
import { readTable } from '../oracle/table.ts'
import { realClients, sendAndNeverRead, type Parcel } from '../real-clients.ts'
import { endedReceipt, receiptOfKey, resultOf, type Receipt } from '../receipts.ts'
import { Upload } from '../upload.ts'
import { runOf, type Loop } from './loop.ts'

const MB = 1_000_000
const PADDING = 130
// What the process may take at most, whatever the size of the file: it takes about half of it idle.
const MOST_MEMORY = 300
const UNREAD_MILLISECONDS = 300_000

/** Clients as people have them send files of several sizes; the amounts are the sizes, in MB. */
export const clients: Loop = {
  option: 'clients',
  fault: 'curl, python, fetch and one that never reads',
  runs: 1,
  run: async (lab, _, sizes) => {
    const folder = await mkdtemp(join(tmpdir(), 'rollcall-clients-'))
    try {
      for (const [index, size] of sizes.entries()) await ofSize(lab, runOf(lab, index + 1), size, folder)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
    lab.tally.notes.push(`${sizes.join(', ')} MB`)
  },
}

async function ofSize(lab: Lab, run: Run, size: number, folder: string): Promise<void> {
  await lab.stand.restartService()
  for (const client of realClients) {
    if (!(await client.available())) {
      lab.tally.notes.push(`no ${client.name} here`)
      continue
    }
    const one = { ...run, where: `${run.where}, ${client.name}, ${size} MB` }
    const parcel = await packed(lab, one, size, folder)
    const answer = await measured(lab, one, () => client.send(lab.stand.target, parcel))
    await judge(lab, one, parcel, answer)
  }
  const one = { ...run, where: `${run.where}, a client that never reads, ${size} MB` }
  const parcel = await packed(lab, one, size, folder)
  const receipt = await measured(lab, one, () => unread(lab, parcel))
  await judgeUnread(lab, one, parcel, receipt)
}

async function measured<T>(lab: Lab, run: Run, send: () => Promise<T>): Promise<T> {
  const started = performance.now()
  const { result, health } = await whilePolling(lab.stand.target.url, send)
  const memory = await lab.stand.peakMemory()
  if (memory !== undefined && memory > MOST_MEMORY)
    lab.tally.complain(run.where, [{ property: 'P12 memory flat', what: `${memory} MB at its peak` }])
  lab.tell(`${run.where}: ${shown(health, memory)}, ${((performance.now() - started) / 1_000).toFixed(1)} s`)
  lab.tally.memory = Math.max(lab.tally.memory, memory ?? 0)
  lab.tally.slowest = Math.max(lab.tally.slowest, health.p99)
  return result
}

const shown = ({ p99, longest, failed }: Health, memory: number | undefined): string =>
  `${memory ?? '?'} MB at its peak, /healthz p99 ${p99.toFixed(0)} ms, longest ${longest.toFixed(0)} ms` +
  (failed > 0 ? `, ${failed} failed` : '')

/** Writes a file of about this size, and puts into the table who must be there. */
async function packed(lab: Lab, { random, number }: Run, size: number, folder: string): Promise<Parcel> {
  const seed = random.between(1, 2 ** 31)
  const options = { seed, tag: `c${number}x${seed.toString(36)}`, padding: PADDING }
  const sample = new Upload({ ...options, rows: 1_000 }).bytes().length / 1_000
  const upload = new Upload({ ...options, rows: Math.ceil((size * MB) / sample) })
  const file = join(folder, 'users.csv')
  let bytes = 0
  const counted = function* (): Generator<Buffer> {
    for (const chunk of upload.chunks()) {
      bytes += chunk.length
      yield chunk
    }
  }
  await pipeline(Readable.from(counted()), createWriteStream(file))
  await lab.stand.database.seed(upload.seeded())
  await rm(join(folder, 'answer'), { force: true })
  return { upload, file, bytes, folder, key: `key-${options.tag}` }
}

async function judge(lab: Lab, { where }: Run, { upload }: Parcel, answer: Answer): Promise<void> {
  const { stand, tally } = lab
  tally.complain(where, await stand.leftovers())
  const reported = checkAnswer(upload, answer, { complete: true })
  const found = await readTable(stand.database.pages(), upload)
  const kept = checkKept([reported], found)
  tally.runs += 1
  tally.sent += upload.rows
  tally.reported += kept.reported
  tally.found += kept.found
  tally.doubled += found.doubled
  tally.ended(answer)
  tally.complain(where, [...reported.complaints, ...found.complaints, ...kept.complaints])
  tally.complain(where, [...checkCleanRun(upload, found), ...stand.checkLog()])
  const id = answer.headers['import-id'] ?? ''
  const result = await resultOf(stand.target, id)
  const receipt = await endedReceipt(stand.target, id, 10_000)
  tally.complain(where, checkReceipt({ answer, receipt, result, reported }))
}

/** All its rows are imported although it reads nothing; gives the receipt. */
async function unread({ stand }: Lab, parcel: Parcel): Promise<Receipt | undefined> {
  const { upload, key } = parcel
  const socket = await sendAndNeverRead(stand.target, parcel)
  const expected = expectedUsers(upload)
  const end = Date.now() + UNREAD_MILLISECONDS
  while ((await stand.database.count()) < expected && Date.now() < end) await setTimeout(100)
  const receipt = await receiptOfKey(stand.target, key)
  const ended = receipt === undefined ? undefined : await endedReceipt(stand.target, receipt.id, 30_000)
  socket.destroy()
  return ended
}

async function judgeUnread(
  { stand, tally }: Lab,
  { where }: Run,
  { upload }: Parcel,
  receipt: Receipt | undefined,
): Promise<void> {
  tally.complain(where, await stand.leftovers())
  const found = await readTable(stand.database.pages(), upload)
  tally.runs += 1
  tally.sent += upload.rows
  tally.doubled += found.doubled
  tally.complain(where, [...found.complaints, ...checkCleanRun(upload, found), ...stand.checkLog()])
  if (receipt?.state !== 'finished')
    tally.complain(where, [{ property: 'receipt', what: `the receipt is ${receipt?.state ?? 'not there'}` }])
  if (receipt === undefined) return
  const result = await resultOf(stand.target, receipt.id)
  const reported = checkAnswer(upload, result, { complete: true })
  const kept = checkKept([reported], found)
  tally.reported += kept.reported
  tally.found += kept.found
  tally.ended(result)
  tally.complain(where, [...reported.complaints, ...kept.complaints])
  tally.complain(where, checkResultIsStored(upload, reported, found))
}

/** How many users there are after the upload, in both organizations. */
function expectedUsers(upload: Upload): number {
  let count = 0
  for (let row = 0; row < upload.rows; row += 1) if (upload.after(row) !== undefined) count += 1
  return count + [...upload.bystanders()].length
}
