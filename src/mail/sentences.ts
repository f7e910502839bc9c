import { importedOf, rowsOf } from '../receipts/counts.ts'
import {
  importedNothing,
  isDryRun,
  isWhole,
  noun,
  number,
  progressOf,
  some,
  wasEmpty,
  wasStopped,
  type LetterFacts,
} from './facts.ts'
import { plain } from './plain.ts'

/** What stands above a letter: what became of the import, in a line. */
export function subjectOf(facts: LetterFacts): string {
  const { organization, counts, kind } = facts
  const what = `${isDryRun(facts) ? 'Dry run' : 'Import'} for ${organization}`
  if (kind !== 'finished') return `${what} ${kind === 'failed' ? 'failed' : 'was stopped'}`
  if (facts.refused)
    return `${what} refused: ${number(counts.invalid)} of ${some(rowsOf(counts), facts)} invalid`
  if (wasEmpty(facts)) return `${what} finished: it had no ${noun(facts, 0)}`
  const good = isDryRun(facts) ? 'valid' : 'imported'
  const invalid = counts.invalid === 0 ? '' : `, ${number(counts.invalid)} invalid`
  return `${what} finished: ${number(importedOf(counts))} of ${some(rowsOf(counts), facts)} ${good}${invalid}`
}

/** What happened, in sentences; the first is what a reader in a hurry needs. */
export function happenedIn(facts: LetterFacts): readonly string[] {
  const what = `The ${isDryRun(facts) ? 'dry run' : 'import'} for ${facts.organization}`
  if (wasEmpty(facts)) return [`${what} has finished: it had no ${noun(facts, 0)}.`]
  if (facts.kind === 'finished')
    return facts.refused
      ? [`${what} was refused.`, `${invalidOf(facts)}.`, ...whyNothing(facts)]
      : [`${what} has finished.`, `${outcomeOf(facts)}.`, ...whyNothing(facts)]
  return [`${what} ${endOf(facts)}.`, ...reasonOf(facts), ...whatStays(facts)]
}

/** `1 of 5 rows is invalid` */
function invalidOf(facts: LetterFacts): string {
  const { invalid } = facts.counts
  return `${number(invalid)} of ${some(rowsOf(facts.counts), facts)} ${are(invalid)} invalid`
}

const are = (count: number): string => (count === 1 ? 'is' : 'are')

/** `3 of 5 rows were imported; 1 is invalid, 1 is blank` */
function outcomeOf(facts: LetterFacts): string {
  const { counts } = facts
  const good = importedOf(counts)
  const ofAll = `${good === 0 ? 'None' : number(good)} of ${some(rowsOf(counts), facts)}`
  const done = isDryRun(facts) ? 'would be imported' : `${good <= 1 ? 'was' : 'were'} imported`
  const others = othersOf(facts)
  return `${ofAll} ${done}${others.length === 0 ? '' : `; ${others.join(', ')}`}`
}

/** What became of the rows that are not imported. */
function othersOf({ counts: { invalid, skipped } }: LetterFacts): readonly string[] {
  return [
    ...(invalid === 0 ? [] : [`${number(invalid)} ${are(invalid)} invalid`]),
    ...(skipped === 0 ? [] : [`${number(skipped)} ${are(skipped)} blank`]),
  ]
}

function endOf(facts: LetterFacts): string {
  if (facts.kind === 'failed') return 'failed: the service gave it up'
  const when = facts.begun || rowsOf(facts.counts) > 0 ? 'before its end' : 'before it began'
  return `was stopped ${when}${wasStopped(facts) ? ': somebody sent DELETE for it' : ''}`
}

function reasonOf(facts: LetterFacts): readonly string[] {
  return facts.reason === undefined || wasStopped(facts) ? [] : [plain(facts.reason.detail, 300)]
}

/** What is imported of an import that did not come to its end. */
function whatStays(facts: LetterFacts): readonly string[] {
  const { begun, counts, rowsTotal } = facts
  const total = rowsOf(counts)
  if (begun && importedNothing(facts)) return whyNothing(facts)
  if (total === 0) return ['Nothing was imported.']
  const lookedAt = `${progressOf(facts)} ${noun(facts, rowsTotal ?? total)}`
  const all = [keptOf(facts), ...othersOf(facts)].join(', ')
  return [`${lookedAt} ${total === 1 ? 'was' : 'were'} looked at: ${all}.`]
}

function keptOf({ counts }: LetterFacts): string {
  const good = importedOf(counts)
  if (good === 0) return 'none was imported'
  if (good === 1) return '1 was imported and stays so'
  return `${good === rowsOf(counts) ? 'all' : number(good)} were imported and stay so`
}

function whyNothing(facts: LetterFacts): readonly string[] {
  if (isDryRun(facts)) return ['As it was a dry run, nothing was imported.']
  return importedNothing(facts) ? ['As all rows or none were to be imported, nothing was imported.'] : []
}

/** What to do next, in sentences. */
export function nextAfter(facts: LetterFacts): readonly string[] {
  const { kind, counts } = facts
  if (kind !== 'finished')
    return [
      ...whatToMend(facts),
      sendAgain(facts),
      ...(kind === 'failed' ? ['If it fails again, give this letter to whoever runs the service.'] : []),
    ]
  if (wasEmpty(facts)) return [`If there should have been ${noun(facts, 0)}, look at what was sent.`]
  if (counts.invalid > 0) return mendAndSend(facts)
  return [
    isDryRun(facts)
      ? `To import it, send it again without dryRun${underNew(facts)}.`
      : 'You need not do anything.',
  ]
}

/** What a stopped import would come to again: what is wrong with what was sent does not go away. */
function whatToMend(facts: LetterFacts): readonly string[] {
  const { kind, counts, faults, reason } = facts
  const isOfSent = kind === 'failed' && reason !== undefined && reason.code !== 'job.exhausted'
  const invalid = noun(facts, counts.invalid)
  return [
    ...(isOfSent ? ['Mend what is said above first, or it fails again.'] : []),
    ...(counts.invalid === 0
      ? []
      : faults === undefined
        ? ['Its result was deleted.']
        : [`The result says what is wrong with the invalid ${invalid}: mend ${them(counts.invalid)} first.`]),
  ]
}

const them = (count: number): string => (count === 1 ? 'it' : 'them')

function sendAgain(facts: LetterFacts): string {
  const { importKind, ownId, counts } = facts
  const isRest = !importedNothing(facts) && importedOf(counts) > 0
  const again = isRest
    ? 'To import the rest, send all of it again: what is imported already is not imported twice.'
    : `To ${isDryRun(facts) ? 'check' : 'import'} it, send it again.`
  return ownId === undefined ? again : `${again} The same ${idName(importKind)} may be used again.`
}

/** How the interface calls what callers know their imports by. */
export const idName = (kind: LetterFacts['importKind']): string =>
  kind === 'members' ? 'id' : 'Idempotency-Key'

/** One that came to its end keeps its id: other options or rows under the same are refused. */
const underNew = ({ ownId, importKind }: LetterFacts): string =>
  ownId === undefined ? '' : `, under a new ${idName(importKind)}`

function mendAndSend(facts: LetterFacts): readonly string[] {
  const { faults, importKind, counts } = facts
  const invalid = `invalid ${noun(facts, counts.invalid)}`
  const it = them(counts.invalid)
  const under = underNew(facts)
  if (faults === undefined)
    return [`Its result was deleted. To see what is wrong with the ${invalid}, send all of it again${under}.`]
  if (importKind === 'members')
    return [`The result says what is wrong with the ${invalid}. Mend ${it}, and send only ${it}${under}.`]
  if (!isWhole(facts))
    return [
      `The file of the ${invalid} (below) says what is wrong with ${it}. ` +
        `Mend ${it} there, then upload that file${under}.`,
    ]
  return [
    `The result holds all rows, and says what is wrong with the ${invalid}. ` +
      `Mend ${it} there, then upload the whole result${isDryRun(facts) ? ' without dryRun' : ''}${under}.`,
  ]
}
