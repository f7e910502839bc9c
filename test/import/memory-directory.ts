import { columnIndex } from '../../src/users/columns.ts'
import { keysOf, type Keys, type StoredUser } from '../../src/users/user.ts'
import {
  StoreRefusal,
  type BatchStore,
  type KeySets,
  type SavedBatch,
  type UserChange,
  type Users,
  type UserToStore,
} from '../../src/users/user-directory.ts'

/** A key is another user's: what SQLSTATE 23505 is in PostgreSQL. */
export class KeyTaken extends Error {
  override readonly name = 'KeyTaken'
}

type Table = Map<string, UserToStore>

const kinds = ['slug', 'provider', 'email'] as const

const ATTEMPTS = 8

/**
 * The users of all organizations in memory, as strict as a database may be: a statement that gives a user a
 * key is refused while another user has that key, even where the same statement would take it from him. So
 * a key may only be handed on from one statement to a later one.
 */
export class MemoryDirectory {
  readonly #organizations = new Map<number, Table>()
  readonly #lastOf = new Map<number, Promise<unknown>>()
  /** How often users were written without a look-up, and whether it worked. */
  readonly tried = { worked: 0, failed: 0 }
  /** The rule by which a user is refused, as a constraint that somebody added does it. */
  refuses: (user: StoredUser) => string | undefined = () => undefined

  /** The users of an organization; what somebody else writes is written here. */
  usersOf(organizationId: number): Table {
    const table: Table = this.#organizations.get(organizationId) ?? new Map<string, UserToStore>()
    this.#organizations.set(organizationId, table)
    return table
  }

  /**
   * Where the batches of an import are stored, each in a transaction of its own.
   *
   * @param keep - keeps the record of a batch; where it fails nothing of the batch is stored
   */
  store<R>(organizationId: number, keep: (record: R) => void = () => undefined): BatchStore<R> {
    return {
      save: (work) =>
        this.#inTurn(organizationId, async () => {
          const { batch, table } = await this.#retried(() => this.usersOf(organizationId), work)
          keep(batch.record)
          this.#organizations.set(organizationId, table)
          return batch
        }),
    }
  }

  /** Runs batches in one transaction, which is committed where `work` says so. */
  inOne<R>(organizationId: number, work: (store: BatchStore<R>) => Promise<boolean>): Promise<boolean> {
    return this.#inTurn(organizationId, async () => {
      let draft = this.usersOf(organizationId)
      const store: BatchStore<R> = {
        save: async (work) => {
          const { batch, table } = await this.#retried(() => draft, work)
          draft = table
          return batch
        },
      }
      const commits = await work(store)
      if (commits) this.#organizations.set(organizationId, draft)
      return commits
    })
  }

  async #inTurn<T>(organizationId: number, work: () => Promise<T>): Promise<T> {
    const before = this.#lastOf.get(organizationId)
    const mine = Promise.resolve(before).then(work)
    // The next one waits for this one, however it ends.
    this.#lastOf.set(
      organizationId,
      mine.catch(() => undefined),
    )
    return mine
  }

  async #retried<B extends SavedBatch<unknown>>(
    before: () => Table,
    work: (users: Users) => Promise<B>,
  ): Promise<{ batch: B; table: Table }> {
    for (let attempt = 1; ; attempt += 1) {
      const table: Table = new Map(before())
      try {
        return { batch: await work(this.#usersIn(table)), table }
      } catch (error) {
        if (attempt === ATTEMPTS || !(error instanceof KeyTaken)) throw error
      }
    }
  }

  #usersIn(table: Table): Users {
    const insert = (users: readonly UserToStore[]): void => {
      refuseTaken(table, users)
      for (const { id, values, keys, onCreation } of users)
        table.set(id, { id, values: [...values], keys: { ...keys }, onCreation })
    }
    let lookedUp = false
    return {
      find: (keys) => {
        lookedUp = true
        return Promise.resolve([...table.values()].filter((user) => hasAny(user, keys)))
      },
      lockActiveOwners: () => Promise.resolve([...table.values()].filter(isActiveOwner).length),
      insert: (users) =>
        inPromise(() => {
          if (!lookedUp) this.tried.failed += 1
          this.#refuse(users)
          insert(users)
          if (lookedUp) return
          this.tried.failed -= 1
          this.tried.worked += 1
        }),
      update: (changes) =>
        inPromise(() => {
          this.#refuse(changes.map(({ user }) => user))
          update(table, changes)
        }),
    }
  }

  #refuse(users: readonly UserToStore[]): void {
    const rule = users.map(this.refuses).find((rule) => rule !== undefined)
    if (rule !== undefined) throw new StoreRefusal(rule)
  }
}

/** Runs `work` now; what it throws becomes a rejection. */
async function inPromise<T>(work: () => T): Promise<T> {
  await Promise.resolve()
  return work()
}

function hasAny({ id, keys }: StoredUser, asked: KeySets): boolean {
  const has = (list: readonly string[], key: string | undefined): boolean =>
    key !== undefined && list.includes(key)
  return (
    asked.ids.includes(id) ||
    has(asked.slugs, keys.slug) ||
    has(asked.providers, keys.provider) ||
    has(asked.emails, keys.email)
  )
}

function isActiveOwner({ values }: StoredUser): boolean {
  const roles = values[columnIndex.roles]?.split(',') ?? []
  const isActive = values[columnIndex.active] === 'TRUE' && values[columnIndex.status] !== 'suspended'
  return isActive && roles.includes('organization_owner')
}

/** As unique indexes do, checked against the table before the statement and among the users of it. */
function refuseTaken(table: Table, users: readonly UserToStore[]): void {
  const ids = new Set<string>()
  for (const { id } of users) {
    if (table.has(id) || ids.has(id)) throw new KeyTaken(`id ${id}`)
    ids.add(id)
  }
  refuseTakenKeys(table, users)
}

function refuseTakenKeys(table: Table, users: readonly { id: string; keys: Keys }[]): void {
  for (const kind of kinds) {
    const holders = new Map<string, string>()
    const take = (id: string, key: string | undefined): void => {
      if (key === undefined) return
      if ((holders.get(key) ?? id) !== id) throw new KeyTaken(`${kind} ${key}`)
      holders.set(key, id)
    }
    for (const { id, keys } of table.values()) take(id, keys[kind])
    for (const { id, keys } of users) take(id, keys[kind])
  }
}

/** Sets the columns named, and the keys that they make; nothing else of the user. */
function update(table: Table, changes: readonly UserChange[]): void {
  const changedUsers = changes.flatMap(({ user: { id, values, keys }, changed }) => {
    if (changed.length === 0) throw new SyntaxError('an update sets something')
    const stored = table.get(id)
    if (stored === undefined) return []
    const next = [...stored.values]
    for (const name of changed) next[columnIndex[name]] = values[columnIndex[name]]
    const key = {
      slug: changed.includes('slug') ? keys.slug : stored.keys.slug,
      provider: keysOf(next).provider,
      email: changed.includes('email') ? keys.email : stored.keys.email,
    }
    return [{ id, values: next, keys: key, onCreation: stored.onCreation }]
  })
  refuseTakenKeys(table, changedUsers)
  for (const user of changedUsers) table.set(user.id, user)
}
