import type { ColumnName } from './columns.ts'
import type { CreationValues, StoredUser } from './user.ts'

/** Keys to look up, each kind without repeats, in the form in which they are compared. */
export interface KeySets {
  readonly ids: readonly string[]
  readonly slugs: readonly string[]
  readonly providers: readonly string[]
  readonly emails: readonly string[]
}

/** A user's id, values and keys as they are to be stored; the values are complete, blank is `''`. */
export interface UserToStore extends StoredUser {
  /** Beside them what only the insert of a new user stores; without it each has its default. */
  readonly onCreation?: CreationValues | undefined
}

/** A known user as he is to be stored, and the columns that differ from what was found; at least one. */
export interface UserChange {
  readonly user: UserToStore
  readonly changed: readonly ColumnName[]
}

/** The database refuses something that it was asked to store, though every rule of ours accepts it. */
export class StoreRefusal extends Error {
  override readonly name = 'StoreRefusal'
  /** The rule of the database, by its name. */
  readonly rule: string

  constructor(rule: string, options?: ErrorOptions) {
    super(`The database refuses it by its rule ${rule}.`, options)
    this.rule = rule
  }
}

/** The users of one organization within one transaction. */
export interface Users {
  /** The users who have any of the keys, each once, in no order. */
  find(keys: KeySets): Promise<StoredUser[]>
  /** Locks the organization's owners against everybody else and counts the active ones. */
  lockActiveOwners(): Promise<number>
  /** Stores new users. Where one has a key that is taken, the whole transaction is run again. */
  insert(users: readonly UserToStore[]): Promise<void>
  /** Stores of known users just what changed, and the keys that come with it. */
  update(changes: readonly UserChange[]): Promise<void>
}

/** What a batch comes to, and the record of it that is stored with its users. */
export interface SavedBatch<R> {
  readonly record: R
}

/** Where the batches of one import are stored: the one thing that the engine asks of the world. */
export interface BatchStore<R> {
  /**
   * Runs `work` in one transaction that no other import of the organization overlaps, stores the record that
   * `work` gives, and commits both. It is run again, from its beginning, where a key was taken, another writer was
   * in the way, or the database was in trouble; so it must change nothing but through `users`, and decide the same
   * again. Returns, once the commit is durable, what the run gave that was committed.
   *
   * @throws ServiceError `database.unreachable` If the trouble lasts; whatever ends the import, such as its being stopped
   * @throws StoreRefusal If the database refuses what `work` stores; nothing of it is stored then
   */
  save<B extends SavedBatch<R>>(work: (users: Users) => Promise<B>): Promise<B>
}
