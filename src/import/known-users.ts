import type { ColumnName } from '../users/columns.ts'
import type { CreationValues, Keys, StoredUser, Values } from '../users/user.ts'
import type { Earlier } from './repeats.ts'

/** The keys that a row may have beside an id, strongest first, each with the column that sentences name. */
export const keyKinds = ['slug', 'provider', 'email'] as const

/** One of the keys beside the id. */
export type KeyKind = (typeof keyKinds)[number]

/** The column that a sentence names for a key. */
export const keyColumn: Readonly<Record<KeyKind, ColumnName>> = {
  slug: 'slug',
  provider: 'providerId',
  email: 'email',
}

/** A user as the rows so far leave him. */
export interface KnownUser {
  readonly id: string
  values: Readonly<Values>
  keys: Keys
  /** What is stored beside them of one who is created. */
  readonly onCreation?: CreationValues | undefined
  /** The earlier row of the file that means this user. */
  meant: Earlier | undefined
}

/**
 * The users whom the rows of a batch may mean, as the rows before leave them: an overlay over the
 * organization that replays what earlier rows of the batch did.
 */
export class KnownUsers {
  readonly #byId = new Map<string, KnownUser>()
  readonly #byKey = {
    slug: new Map<string, KnownUser>(),
    provider: new Map<string, KnownUser>(),
    email: new Map<string, KnownUser>(),
  }
  /** For each key that a row took from its user: the wave in which that is stored. */
  readonly #released = new Map<string, number>()

  /** Adds a user as he is stored. */
  add(stored: StoredUser, meant: Earlier | undefined): void {
    const { id, values, keys } = stored
    if (!this.#byId.has(id)) this.#put({ id, values, keys, meant })
  }

  /** Whether any of the users is as `claim` says. */
  some(claim: (user: KnownUser) => boolean): boolean {
    return [...this.#byId.values()].some(claim)
  }

  withId(id: string): KnownUser | undefined {
    return this.#byId.get(id)
  }

  withKey(kind: KeyKind, key: string): KnownUser | undefined {
    return this.#byKey[kind].get(key)
  }

  /**
   * Creates a user.
   *
   * @returns the wave in which he is to be stored: after the one in which others give up the keys he takes
   */
  create(user: KnownUser): number {
    const wave = this.#waveOf(user.keys, { slug: undefined, provider: undefined, email: undefined })
    this.#put(user)
    return wave
  }

  /** Gives a user other values; returns the wave as {@link create} does. */
  change(user: KnownUser, values: Readonly<Values>, keys: Keys): number {
    const wave = this.#waveOf(keys, user.keys)
    for (const kind of keyKinds) {
      const key = user.keys[kind]
      if (key === undefined || key === keys[kind]) continue
      this.#byKey[kind].delete(key)
      this.#released.set(`${kind} ${key}`, wave)
    }
    user.values = values
    user.keys = keys
    this.#put(user)
    return wave
  }

  #put(user: KnownUser): void {
    this.#byId.set(user.id, user)
    for (const kind of keyKinds) {
      const key = user.keys[kind]
      if (key !== undefined) this.#byKey[kind].set(key, user)
    }
  }

  #waveOf(keys: Keys, before: Keys): number {
    if (this.#released.size === 0) return 0
    const waves = keyKinds.map((kind) => {
      const key = keys[kind]
      const released =
        key === undefined || key === before[kind] ? undefined : this.#released.get(`${kind} ${key}`)
      return released === undefined ? 0 : released + 1
    })
    return Math.max(...waves)
  }
}
