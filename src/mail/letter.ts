import { rowsOf, type Counts } from '../receipts/counts.ts'
import { importedNothing, isWhole, number, progressOf, wasEmpty, type LetterFacts } from './facts.ts'
import { plain } from './plain.ts'
import { happenedIn, idName, nextAfter, subjectOf } from './sentences.ts'

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
    footer: footerOf(facts),
  }
}

function countsOf(facts: LetterFacts): readonly Line[] {
  if (wasEmpty(facts)) return []
  const { counts, importKind } = facts
  const lookedAt = { name: importKind === 'members' ? 'members' : 'rows', value: progressOf(facts) }
  if (rowsOf(counts) === 0) return [lookedAt]
  const names = ['created', 'updated', 'unchanged', 'invalid', 'skipped'] as const
  const shown = names.filter((name) => name !== 'skipped' || counts.skipped > 0)
  return [lookedAt, ...shown.map((name) => ({ name: named(name, facts), value: number(counts[name]) }))]
}

/** Nothing must sound as if it had been imported where it was not. */
function named(name: keyof Counts, facts: LetterFacts): string {
  if (name === 'skipped') return 'skipped (blank)'
  const isChange = name === 'created' || name === 'updated'
  return isChange && importedNothing(facts) ? `would be ${name}` : name
}

function detailsOf(facts: LetterFacts): readonly Line[] {
  const { fileName, ownId, importKind, importId, caller, receivedAt, endedAt } = facts
  return [
    ...(fileName === undefined ? [] : [{ name: 'File', value: plain(fileName) }]),
    ...(ownId === undefined
      ? []
      : [{ name: importKind === 'members' ? 'Id' : idName(importKind), value: plain(ownId) }]),
    { name: 'Import-Id', value: plain(importId) },
    { name: 'Asked by', value: plain(caller) },
    { name: 'Received', value: moment(receivedAt) },
    { name: 'Ended', value: moment(endedAt) },
  ]
}

const moment = (date: Date): string => `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`

function linksOf(facts: LetterFacts): readonly Line[] {
  const { link, importKind, counts } = facts
  const receipt = { name: 'The receipt', value: link }
  if (facts.faults === undefined || rowsOf(counts) === 0) return [receipt]
  const result = importKind === 'members' ? `${link}/result` : `${link}/result.csv`
  const onlyInvalid = importKind === 'users' && counts.invalid > 0 && !isWhole(facts)
  return [
    receipt,
    onlyInvalid
      ? { name: 'The invalid rows', value: `${result}?only=invalid` }
      : { name: 'The result', value: result },
  ]
}

/** Who writes, and whom to ask: the reader may not be who asked for the import. */
function footerOf(facts: LetterFacts): string {
  return (
    `Rollcall, which imports the users of ${facts.organization}, has sent this letter. ${whoAsked(facts)} ` +
    `If you know nothing of it, ask the owners of ${facts.organization}. This letter was written by a program.`
  )
}

function whoAsked({ importKind, caller }: LetterFacts): string {
  const name = plain(caller)
  if (importKind === 'users')
    return `The user ${name} asked for the import, and this is the address of that user.`
  if (caller.startsWith('credential:'))
    return `The program ${name} asked for the import. It named the user who has this address, or has it as its contact.`
  return `The user ${name} asked for the import by a program. This is the address of that user, or the program’s contact.`
}
