import { refusedRow } from '../users/faults.ts'
import type { Importer } from '../users/grants.ts'
import { StoreRefusal, type UserDirectory, type Users } from '../users/user-directory.ts'
import { valueOf, type Candidate } from '../users/user.ts'
import type { Circumstances, Decision, Entry } from './decision.ts'
import { decide, newUser } from './identity.ts'
import { keyKinds, type KnownUser } from './known-users.ts'
import { lookUp } from './look-up.ts'
import { NewIds } from './new-ids.ts'
import { Repeats } from './repeats.ts'
import { storeInWaves } from './store-in-waves.ts'

/** A candidate and the number of its row. */
export interface NumberedCandidate {
  readonly row: number
  readonly candidate: Candidate
}

/** Whose users are saved, where, and for whom. */
export interface SaverParts {
  readonly organizationId: number
  readonly importer: Importer
  readonly users: UserDirectory
}

// Writing first costs a look-up less, and a batch more where a key is taken after all.
const CAUTIOUS_BATCHES = 8

/** Saves the candidates of one import, batch by batch, and remembers what they meant. */
export class Saver {
  readonly #parts: SaverParts
  readonly #repeats = new Repeats()
  #subjectIsUser: boolean | undefined
  #cautious = 1

  constructor(parts: SaverParts) {
    this.#parts = parts
  }

  /**
   * Saves a batch in one transaction.
   *
   * @returns what each candidate came to, in the order given, once that is durable
   * @throws ServiceError If the database can't be reached; then nothing of the batch is stored
   */
  async save(candidates: readonly NumberedCandidate[]): Promise<readonly Decision[]> {
    if (candidates.length === 0) return []
    const { users, organizationId, importer } = this.#parts
    this.#subjectIsUser ??= await users.hasUser(organizationId, importer.subject)
    try {
      return await this.#saveAll(candidates)
    } catch (error) {
      if (!(error instanceof StoreRefusal)) throw error
      return this.#saveHalves(candidates, error)
    }
  }

  /** Finds the row that only the database refuses; what verdicts say does not depend on how rows are batched. */
  async #saveHalves(
    candidates: readonly NumberedCandidate[],
    { rule }: StoreRefusal,
  ): Promise<readonly Decision[]> {
    const half = Math.ceil(candidates.length / 2)
    if (half === candidates.length) return [{ kind: 'invalid', faults: [refusedRow(rule)] }]
    const first = await this.save(candidates.slice(0, half))
    return first.concat(await this.save(candidates.slice(half)))
  }

  async #saveAll(candidates: readonly NumberedCandidate[]): Promise<readonly Decision[]> {
    const { users, organizationId } = this.#parts
    const ids = new NewIds(candidates.length)
    const entries = candidates.map(({ row, candidate }, index): Entry => ({ row, candidate, index }))
    let first = this.#cautious === 0
    const decisions = await users.transaction(organizationId, async (store) => {
      const writeFirst = first
      first = false
      const created = writeFirst ? await this.#createAll(entries, store, ids) : undefined
      return created ?? this.#decideAll(entries, store, ids)
    })
    this.#learn(decisions)
    return decisions
  }

  #circumstances(activeOwners: number, ids: NewIds): Circumstances {
    const { importer } = this.#parts
    const subjectIsUser = this.#subjectIsUser === true
    return { importer, subjectIsUser, activeOwners, newId: (index) => ids.at(index) }
  }

  /** While all is new: creates every user without a look-up, or does nothing where one is not new. */
  async #createAll(entries: readonly Entry[], store: Users, ids: NewIds): Promise<Decision[] | undefined> {
    if (!meansEachUserOnce(entries)) return undefined
    const circumstances = this.#circumstances(0, ids)
    const created: KnownUser[] = []
    for (const entry of entries) {
      const user = newUser(entry, circumstances)
      if (user === undefined) return undefined
      created.push(user)
    }
    await store.insert(created)
    return created.map((user) => ({ kind: 'create', user, wave: 0 }))
  }

  async #decideAll(entries: readonly Entry[], store: Users, ids: NewIds): Promise<Decision[]> {
    let known = await lookUp(entries, store, this.#repeats)
    let activeOwners = Number.POSITIVE_INFINITY
    const owners = (): boolean => known.some(isOwner) || entries.some(({ candidate }) => isOwner(candidate))
    if (entries.some(mayTakeRights) && owners()) {
      activeOwners = await store.lockActiveOwners()
      // What was read before the lock may have changed until it was there.
      known = await lookUp(entries, store, this.#repeats)
    }
    const circumstances = this.#circumstances(activeOwners, ids)
    const decisions = entries.map((entry) => decide(entry, known, circumstances))
    await storeInWaves(decisions, store)
    return decisions
  }

  #learn(decisions: readonly Decision[]): void {
    for (const decision of decisions) {
      if (decision.kind === 'invalid') continue
      const { id, meant } = decision.user
      if (meant !== undefined) this.#repeats.add(id, meant)
    }
    const clean = decisions.every(({ kind }) => kind === 'create')
    this.#cautious = clean ? Math.max(this.#cautious - 1, 0) : CAUTIOUS_BATCHES
  }
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
