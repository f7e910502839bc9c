import type { Counts } from '../receipts/counts.ts'
import type { LetterKind } from '../receipts/letter.ts'
import type { LetterImport } from './outbox.ts'
import { plain } from './plain.ts'

/** A letter before it is text or HTML. Nothing in it comes from the rows but counts and names of columns. */
export interface Letter {
  readonly subject: string
  /** What happened, in sentences. */
  readonly happened: readonly string[]
  /** What to do next, in sentences. */
  readonly next: readonly string[]
  /** How many rows came to what. */
  readonly counts: readonly Line[]
  /** The most frequent faults: how often, and which. */
  readonly faults: readonly Line[]
  /** How many kinds of faults stand not there. */
  readonly moreFaults: number
  readonly details: readonly Line[]
  /** Without a token: whoever opens it has to show his. */
  readonly links: readonly Line[]
  /** Who writes and why. */
  readonly footer: string
}

/** A name and what stands beside it. */
export interface Line {
  readonly name: string
  readonly value: string
}

/** What a letter is about. */
export interface LetterFacts extends LetterImport {
  readonly kind: LetterKind
  /** The address of the receipt. */
  readonly link: string
}

const FAULTS_SHOWN = 10

/** Writes the letter about an import that has ended. */
export function composeLetter(facts: LetterFacts): Letter {
  const faults = facts.faults ?? []
  return {
    subject: subjectOf(facts),
    happened: happenedIn(facts),
    next: nextAfter(facts),
    counts: countsOf(facts),
    faults: faults.slice(0, FAULTS_SHOWN).map(({ code, column, count }) => ({
      name: number(count),
      value: `${plain(code)}${column === null ? '' : ` in ${plain(column)}`}`,
    })),
    moreFaults: Math.max(faults.length - FAULTS_SHOWN, 0),
    details: detailsOf(facts),
    links: linksOf(facts),
    footer:
      `Rollcall, which imports the users of ${facts.organization}, has sent this letter because somebody who gave ` +
      'this address asked for the import. It is written by a program.',
  }
}

const number = (value: number): string => value.toLocaleString('en-US')

const totalOf = ({ created, updated, unchanged, invalid, skipped }: Counts): number =>
  created + updated + unchanged + invalid + skipped

const goodOf = ({ created, updated, unchanged }: Counts): number => created + updated + unchanged

/** `1 row`, `2,000 members` */
function some(count: number, { importKind }: LetterFacts): string {
  return `${number(count)} ${importKind === 'members' ? 'member' : 'row'}${count === 1 ? '' : 's'}`
}

const isDryRun = ({ mode }: LetterFacts): boolean => mode === 'dryRun'

/** Whether nothing of it was written, whatever its counts say. */
const wroteNothing = (facts: LetterFacts): boolean =>
  isDryRun(facts) || facts.refused || (facts.mode === 'strict' && facts.kind !== 'finished')

/** Whether the rows that are good have to be sent again too. */
const isWhole = (facts: LetterFacts): boolean => isDryRun(facts) || facts.refused

function subjectOf(facts: LetterFacts): string {
  const { organization, counts, kind } = facts
  const what = `${isDryRun(facts) ? 'Dry run' : 'Import'} for ${organization}`
  const invalid = counts.invalid === 0 ? '' : `, ${number(counts.invalid)} invalid`
  if (kind !== 'finished') return `${what} ${kind === 'failed' ? 'failed' : 'was stopped'}`
  if (facts.refused)
    return `${what} refused: ${number(counts.invalid)} of ${some(totalOf(counts), facts)} invalid`
  if (totalOf(counts) === 0)
    return `${what} finished: it had no ${facts.importKind === 'members' ? 'members' : 'rows'}`
  const good = isDryRun(facts) ? 'valid' : 'imported'
  return `${what} finished: ${number(goodOf(counts))} of ${some(totalOf(counts), facts)} ${good}${invalid}`
}

function happenedIn(facts: LetterFacts): readonly string[] {
  const { organization, counts, kind, reason } = facts
  const what = `Your ${isDryRun(facts) ? 'dry run' : 'import'} for ${organization}`
  if (kind === 'finished')
    return [`${what} ${facts.refused ? 'was refused' : 'has finished'}.`, ...finishedWith(facts)]
  const done = wroteNothing(facts)
    ? 'Nothing was written.'
    : `Before that ${some(goodOf(counts), facts)} ${goodOf(counts) === 1 ? 'was' : 'were'} imported, and stay so.`
  return [
    kind === 'failed'
      ? `${what} was given up: the service could not complete it.`
      : `${what} was stopped before its end.`,
    ...(reason === undefined ? [] : [plain(reason.detail, 300)]),
    done,
  ]
}

function finishedWith(facts: LetterFacts): readonly string[] {
  const { counts } = facts
  const total = totalOf(counts)
  if (facts.refused) {
    return [
      `It was to import all rows or none, and ${number(counts.invalid)} of ${some(total, facts)} ` +
        `${counts.invalid === 1 ? 'is' : 'are'} invalid: nothing was written.`,
    ]
  }
  const good = isDryRun(facts) ? 'would be imported' : `${goodOf(counts) === 1 ? 'was' : 'were'} imported`
  const bad =
    counts.invalid === 0 ? '' : `; ${number(counts.invalid)} ${counts.invalid === 1 ? 'is' : 'are'} invalid`
  return [
    `${number(goodOf(counts))} of ${some(total, facts)} ${good}${bad}.`,
    ...(isDryRun(facts) ? ['As it was a dry run, nothing was written.'] : []),
  ]
}

function nextAfter(facts: LetterFacts): readonly string[] {
  const { kind, counts, importKind } = facts
  if (kind === 'failed')
    return [
      'Send it again: what is imported already is not imported twice.',
      'If it fails again, give this letter to whoever runs the service.',
    ]
  if (kind === 'stopped')
    return [`To import the rest, send all of it again: what is imported already is not imported twice.`]
  if (isDryRun(facts) && counts.invalid === 0) return ['To import it, send it again without dryRun.']
  if (counts.invalid === 0) return ['You need not do anything.']
  if (importKind === 'members')
    return [
      'The result says of each invalid member what is wrong. Mend these members and send them under a new id.',
    ]
  if (isWhole(facts))
    return [
      'The result holds all rows, the invalid ones with all their errors. Mend the cells and upload it as it is' +
        `${isDryRun(facts) ? ', without dryRun' : ''}.`,
    ]
  return ['The result holds the invalid rows with all their errors. Mend the cells and upload it as it is.']
}

function countsOf(facts: LetterFacts): readonly Line[] {
  const { counts, importKind } = facts
  const names = ['created', 'updated', 'unchanged', 'invalid', 'skipped'] as const
  const shown = names.filter((name) => name !== 'skipped' || counts.skipped > 0)
  return [
    { name: importKind === 'members' ? 'members' : 'rows', value: number(totalOf(counts)) },
    ...shown.map((name) => ({ name: named(name, facts), value: number(counts[name]) })),
  ]
}

/** Nothing must sound as if it had been written where it was not. */
function named(name: keyof Counts, facts: LetterFacts): string {
  const isGood = name === 'created' || name === 'updated' || name === 'unchanged'
  return isGood && wroteNothing(facts) ? `${name} (not written)` : name
}

function detailsOf({ fileName, ownId, importId, receivedAt, endedAt }: LetterFacts): readonly Line[] {
  return [
    ...(fileName === undefined ? [] : [{ name: 'File', value: plain(fileName) }]),
    ...(ownId === undefined ? [] : [{ name: 'Your id', value: plain(ownId) }]),
    { name: 'Import', value: plain(importId) },
    { name: 'Received', value: moment(receivedAt) },
    { name: 'Ended', value: moment(endedAt) },
  ]
}

const moment = (date: Date): string => `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`

function linksOf(facts: LetterFacts): readonly Line[] {
  const { link, importKind, counts } = facts
  const receipt = { name: 'The receipt', value: link }
  if (facts.faults === undefined) return [receipt]
  const result = importKind === 'members' ? `${link}/result` : `${link}/result.csv`
  const onlyInvalid = importKind === 'users' && counts.invalid > 0 && !isWhole(facts)
  return [
    receipt,
    onlyInvalid
      ? { name: 'The invalid rows', value: `${result}?only=invalid` }
      : { name: 'The result', value: result },
  ]
}
