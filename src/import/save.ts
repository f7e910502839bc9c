import { refusedRow } from '../users/faults.ts'
import type { Importer } from '../users/grants.ts'
import { StoreRefusal, type BatchStore, type Users } from '../users/user-directory.ts'
import { valueOf, type Candidate } from '../users/user.ts'
import { annotated } from './annotate.ts'
import { gaveOf } from './conflicts.ts'
import type { Circumstances, Decision, Entry } from './decision.ts'
import { decide, newUser } from './identity.ts'
import { keyKinds, type KnownUser } from './known-users.ts'
import { lookUp } from './look-up.ts'
import type { Meaning } from './meaning.ts'
import { NewIds } from './new-ids.ts'
import { Repeats } from './repeats.ts'
import type { AnnotatedRow, JudgedRow } from './row.ts'
import { storeInWaves } from './store-in-waves.ts'

/** Whose users are saved, where, and for whom. */
export interface SaverParts<R> {
  readonly importer: Importer
  readonly meaning: Meaning
  readonly store: BatchStore<R>
  /** Makes of what became of a batch's rows the record that is stored with its users. */
  readonly record: (rows: readonly AnnotatedRow[]) => Promise<R>
}

// Writing first costs a look-up less, and a batch more where a key is taken after all.
const CAUTIOUS_BATCHES = 8

/** What was decided of a batch, and the promise that it is being stored. */
interface Attempt {
  readonly decisions: readonly Decision[]
  readonly stored: Promise<void>
}

/** Saves the rows of one import, batch by batch, and remembers what they meant. */
export class Saver<R> {
  readonly #parts: SaverParts<R>
  readonly #repeats = new Repeats()
  #subjectIsUser: boolean | undefined
  #cautious = 1

  constructor(parts: SaverParts<R>) {
    this.#parts = parts
  }

  /**
   * Saves a batch in one transaction; in several where the database refuses one of its rows.
   *
   * @returns the records of what each row came to, once they are durable
   * @throws ServiceError If the database can't be reached; then nothing of the batch is stored, or a part of it if
   *   the database had refused a row
   */
  async save(batch: readonly JudgedRow[]): Promise<readonly R[]> {
    try {
      return [await this.#saveAll(batch)]
    } catch (error) {
      if (!(error instanceof StoreRefusal)) throw error
      return this.#saveHalves(batch, error)
    }
  }

  /** Takes note of a row that an earlier run of the import has saved, and of the user whom it meant. */
  recall(row: number, candidate: Candidate, id: string): void {
    this.#repeats.add(id, { row, gave: gaveOf(candidate) })
  }

  /** Finds the row that only the database refuses; what verdicts say does not depend on how rows are batched. */
  async #saveHalves(batch: readonly JudgedRow[], refusal: StoreRefusal): Promise<readonly R[]> {
    const candidates = batch.filter(isCandidate).length
    if (candidates === 0) throw refusal
    if (candidates === 1)
      return this.save(batch.map((each) => (isCandidate(each) ? this.#refused(each, refusal) : each)))
    const half = Math.ceil(batch.length / 2)
    const first = await this.save(batch.slice(0, half))
    return first.concat(await this.save(batch.slice(half)))
  }

  #refused({ row }: JudgedRow, { rule }: StoreRefusal): JudgedRow {
    const faults = [refusedRow(rule, this.#parts.meaning.wording)]
    return { row, verdict: { kind: 'faulty', faults } }
  }

  async #saveAll(batch: readonly JudgedRow[]): Promise<R> {
    const entries = entriesOf(batch)
    const ids = new NewIds(entries.length)
    let first = this.#cautious === 0
    const { record, decisions } = await this.#parts.store.save(async (users) => {
      const writeFirst = first
      first = false
      const created = writeFirst ? this.#createAll(entries, users, ids) : undefined
      const { decisions, stored } = created ?? (await this.#decideAll(entries, users, ids))
      // What became of the rows is written down while the database stores them.
      const [record] = await Promise.all([this.#parts.record(annotated(batch, decisions)), stored])
      return { record, decisions }
    })
    this.#learn(decisions)
    return record
  }

  #circumstances(activeOwners: number, ids: NewIds): Circumstances {
    const { importer, meaning } = this.#parts
    const subjectIsUser = this.#subjectIsUser === true
    return { importer, meaning, subjectIsUser, activeOwners, newId: (index) => ids.at(index) }
  }

  /** While all is new: creates every user without a look-up, or does nothing where one is not new. */
  #createAll(entries: readonly Entry[], users: Users, ids: NewIds): Attempt | undefined {
    if (entries.length === 0 || !meansEachUserOnce(entries)) return undefined
    const circumstances = this.#circumstances(0, ids)
    const created: KnownUser[] = []
    for (const entry of entries) {
      const user = newUser(entry, circumstances)
      if (user === undefined) return undefined
      created.push(user)
    }
    const decisions = created.map((user): Decision => ({ kind: 'create', user, wave: 0 }))
    return { decisions, stored: users.insert(created) }
  }

  async #decideAll(entries: readonly Entry[], users: Users, ids: NewIds): Promise<Attempt> {
    if (entries.length === 0) return { decisions: [], stored: Promise.resolve() }
    this.#subjectIsUser ??= await isUser(this.#parts.importer.subject, users)
    // What only adds takes no rights away.
    const isTaking = this.#parts.meaning.merging === 'replace' && entries.some(mayTakeRights)
    let activeOwners: number | undefined
    if (isTaking && entries.some(({ candidate }) => isOwner(candidate)))
      activeOwners = await users.lockActiveOwners()
    let known = await lookUp(entries, users, this.#repeats)
    if (isTaking && activeOwners === undefined && known.some(isOwner)) {
      activeOwners = await users.lockActiveOwners()
      // What was read before the lock may have changed until it was there.
      known = await lookUp(entries, users, this.#repeats)
    }
    const circumstances = this.#circumstances(activeOwners ?? Number.POSITIVE_INFINITY, ids)
    const decisions = entries.map((entry) => decide(entry, known, circumstances))
    return { decisions, stored: storeInWaves(decisions, users) }
  }

  #learn(decisions: readonly Decision[]): void {
    for (const decision of decisions) {
      if (decision.kind === 'invalid') continue
      const { id, meant } = decision.user
      if (meant !== undefined) this.#repeats.add(id, meant)
    }
    if (decisions.length === 0) return
    const clean = decisions.every(({ kind }) => kind === 'create')
    this.#cautious = clean ? Math.max(this.#cautious - 1, 0) : CAUTIOUS_BATCHES
  }
}

const isCandidate = ({ verdict }: JudgedRow): boolean => verdict.kind === 'candidate'

function entriesOf(batch: readonly JudgedRow[]): Entry[] {
  const entries: Entry[] = []
  for (const { row, verdict } of batch) {
    if (verdict.kind !== 'candidate') continue
    entries.push({ row: row.number, candidate: verdict.candidate, index: entries.length })
  }
  return entries
}

/** Whether somebody is a user of the organization by id. No stored id holds anything but these characters. */
async function isUser(subject: string, users: Users): Promise<boolean> {
  if (!/^[\w-]+$/.test(subject)) return false
  return (await users.find({ ids: [subject], slugs: [], providers: [], emails: [] })).length > 0
}

/** Whether no row carries an id and no two rows share a key: then every row is new if one is not known. */
function meansEachUserOnce(entries: readonly Entry[]): boolean {
  if (entries.some(({ candidate }) => valueOf(candidate.values, 'id') !== undefined)) return false
  return keyKinds.every((kind) => {
    const seen = new Set<string>()
    for (const { candidate } of entries) {
      const key = candidate.keys[kind]
      if (key === undefined) continue
      if (seen.has(key)) return false
      seen.add(key)
    }
    return true
  })
}

/** Whether somebody is an owner, active or not: an earlier row may have made him active. */
const isOwner = ({ values }: Pick<Candidate, 'values'>): boolean =>
  valueOf(values, 'roles')?.includes('organization_owner') === true

function mayTakeRights({ candidate: { values } }: Entry): boolean {
  const roles = valueOf(values, 'roles')
  return (
    valueOf(values, 'active') === 'FALSE' ||
    valueOf(values, 'status') === 'suspended' ||
    (roles !== undefined && !roles.includes('organization_owner'))
  )
}
