import { createLocalJWKSet, errors } from 'jose'
import type { CryptoKey, FlattenedJWSInput, JSONWebKeySet, JWSHeaderParameters } from 'jose'
import type { Clock } from './caller.ts'
import { issuerUnreachable } from './refusals.ts'

type FindKey = ReturnType<typeof createLocalJWKSet>

const SECOND = 1000
const MINUTE = 60 * SECOND

/** From the start of one fetch to that of the next, however the first went. */
const COOLDOWN = 30 * SECOND
const REFRESH_AFTER = 10 * MINUTE

/**
 * The keys of an issuer elsewhere. The last good set serves through an outage of any length, and a key that is
 * new is fetched when a token asks for it.
 *
 * Not jose's own remote set: with its source away for longer than its `cacheMaxAge` that one fails every token,
 * and it does not count fetches that failed, so every request would become one.
 */
export class KeySet {
  readonly #fetch: () => Promise<JSONWebKeySet>
  readonly #clock: Clock
  #find: FindKey | undefined
  #loadedAt = -Infinity
  #triedAt = -Infinity
  /** Why the last fetch failed; undefined if it did not. */
  #failure: unknown
  #fetching: Promise<void> | undefined

  constructor(fetch: () => Promise<JSONWebKeySet>, clock: Clock) {
    this.#fetch = fetch
    this.#clock = clock
  }

  /**
   * Finds the key that a token says it is signed with.
   *
   * @throws JOSEError If the issuer has no such key, or several.
   * @throws ServiceError `issuer.unreachable` If that cannot be told now.
   */
  async find(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    const find = await this.load()
    if (!this.#isWithin(REFRESH_AFTER, this.#loadedAt)) void this.#update()
    try {
      return await find(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
    }
    await this.#update()
    if (this.#failure !== undefined) throw this.#unreachable()
    return (await this.load())(header, token)
  }

  /** @throws ServiceError `issuer.unreachable` If no set has ever been loaded and none can be now. */
  async load(): Promise<FindKey> {
    if (this.#find === undefined) await this.#update()
    if (this.#find === undefined) throw this.#unreachable()
    return this.#find
  }

  /** Fetches the set, or waits for the fetch that is under way, or does nothing so soon after the last. Never throws. */
  async #update(): Promise<void> {
    if (this.#fetching === undefined && !this.#isWithin(COOLDOWN, this.#triedAt)) {
      this.#triedAt = this.#clock()
      this.#fetching = this.#replace().finally(() => {
        this.#fetching = undefined
      })
    }
    await this.#fetching
  }

  async #replace(): Promise<void> {
    try {
      const set = await this.#fetch()
      const find = createLocalJWKSet(set)
      // an issuer in trouble may answer an empty set, which would lock everybody out
      if (set.keys.length === 0) throw new Error('The key set of the issuer is empty')
      this.#find = find
      this.#loadedAt = this.#clock()
      this.#failure = undefined
    } catch (error) {
      this.#failure = error ?? new Error('The key set of the issuer could not be fetched')
    }
  }

  /** A time that lies ahead means that the clock was set back: then it was not within. */
  #isWithin(duration: number, since: number): boolean {
    const age = this.#clock() - since
    return age >= 0 && age < duration
  }

  #unreachable(): Error {
    const wait = this.#triedAt + COOLDOWN - this.#clock()
    return issuerUnreachable(Math.max(1, Math.ceil(wait / SECOND)), this.#failure)
  }
}
