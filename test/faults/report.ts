import { readFile, rename, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Tally } from './tally.ts'

const RESULTS = fileURLToPath(new URL('../behaviour/RESULTS.md', import.meta.url))

const names = [
  'fault',
  'runs',
  'rows sent',
  'reported imported',
  'found in the database',
  'lost',
  'doubled',
  'hung',
]
const more = ['broken rules', 'notes', 'date', 'cores', 'command']

const intro = `# Whatever breaks

What \`npm run test:faults -- … --record\` has found, the last run of each fault. Imports are broken in the middle,
and after each an oracle that shares no code with the service compares what the clients were told with what is in
the database. Lost is a row that was reported imported and is not stored as it was sent; doubled is a user who is
there twice; hung is an answer that never ended; broken rules are all other things that must always hold.

Imports in the background are runs each. Their results, receipts and users are compared with those of a run of the same
imports in peace, and the database itself notes who changes what and when: each must end once, and nobody may write
to it who has lost it. A real mail server takes the letters; doubled is one that came again, with the same Message-ID,
since its worker was killed before it could note that the letter was taken.
`

/** A loop as a line of the table, without its circumstances. */
export function cellsOf(tally: Tally): readonly string[] {
  const { fault, runs, sent, reported, found, lost, doubled, hung, complaints } = tally
  const counts = [runs, sent, reported, found, lost, doubled, hung, complaints.length]
  return [fault, ...counts.map((count) => count.toLocaleString('en-US')), notesOf(tally)]
}

function notesOf({ endings, notes, memory, slowest, longest }: Tally): string {
  const measured = memory > 0 ? [`at most ${memory} MB`, `/healthz p99 at most ${slowest.toFixed(0)} ms`] : []
  const slow = longest > 0 ? [`the longest took ${(longest / 1_000).toFixed(1)} s`] : []
  const answers = endings === '' ? [] : [`answers: ${endings}`]
  return [...answers, ...slow, ...notes, ...measured].join('; ')
}

/** Puts lines into the results, in place of those of the same faults. */
export async function record(tallies: readonly Tally[], command: string): Promise<void> {
  const date = new Date().toISOString().slice(0, 10)
  const lines = new Map(await recorded())
  for (const tally of tallies) {
    const cells = [...cellsOf(tally), date, String(availableParallelism()), `\`${command}\``]
    lines.set(tally.fault, `| ${cells.join(' | ')} |`)
  }
  const head = [...names, ...more]
  const rule = head.map((_, column) => (column > 0 && column <= names.length ? '---:' : '---'))
  const table = [`| ${head.join(' | ')} |`, `| ${rule.join(' | ')} |`, ...lines.values()]
  // several runs may record at the same time
  const draft = `${RESULTS}.${process.pid}`
  await writeFile(draft, `${intro}\n${table.join('\n')}\n`)
  await rename(draft, RESULTS)
}

/** The lines that are there, by their faults. */
async function recorded(): Promise<(readonly [string, string])[]> {
  const text = await readFile(RESULTS, 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => [line.split('|')[1]?.trim() ?? '', line] as const)
    .filter(([fault]) => fault !== 'fault' && !fault.startsWith('---'))
}
