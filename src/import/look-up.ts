import type { KeySets, Users } from '../users/user-directory.ts'
import { providerKey, valueOf } from '../users/user.ts'
import type { Entry } from './identity.ts'
import { keyKinds, KnownUsers, type KeyKind } from './known-users.ts'
import type { Repeats } from './repeats.ts'

/** A key of any kind, to be looked up. */
type Key = readonly [kind: 'id' | KeyKind, key: string]

/** Keys that were asked for already are not asked for again. */
class Asked {
  readonly #sets = {
    id: new Set<string>(),
    slug: new Set<string>(),
    provider: new Set<string>(),
    email: new Set<string>(),
  }

  /** Those of the keys that are asked for the first time, by kind. */
  fresh(keys: Iterable<Key>): KeySets {
    const fresh: Record<'id' | KeyKind, string[]> = { id: [], slug: [], provider: [], email: [] }
    for (const [kind, key] of keys) {
      if (this.#sets[kind].has(key)) continue
      this.#sets[kind].add(key)
      fresh[kind].push(key)
    }
    return { ids: fresh.id, slugs: fresh.slug, providers: fresh.provider, emails: fresh.email }
  }
}

function keysOfEntry({ candidate }: Entry): Key[] {
  const id = valueOf(candidate.values, 'id')
  const keys: Key[] = id === undefined ? [] : [['id', id]]
  for (const kind of keyKinds) {
    const key = candidate.keys[kind]
    if (key !== undefined) keys.push([kind, key])
  }
  return keys
}

const isEmpty = (keys: KeySets): boolean =>
  Object.values(keys).every((set: readonly string[]) => set.length === 0)

/**
 * Finds every user whom the rows may mean or whose keys they touch: first by the key that decides, which
 * finds most; then by the keys that nobody found has; then by the provider keys that a new providerType
 * would make.
 */
export async function lookUp(entries: readonly Entry[], users: Users, repeats: Repeats): Promise<KnownUsers> {
  const asked = new Asked()
  const known = new KnownUsers()
  const ask = async (keys: Iterable<Key>): Promise<void> => {
    const fresh = asked.fresh(keys)
    if (isEmpty(fresh)) return
    for (const user of await users.find(fresh)) known.add(user, repeats.find(user.id))
  }
  const isUnknown = ([kind, key]: Key): boolean =>
    kind === 'id' ? known.withId(key) === undefined : known.withKey(kind, key) === undefined

  const keys = entries.map(keysOfEntry)
  await ask(keys.flatMap((each) => each.slice(0, 1)))
  await ask(keys.flatMap((each) => each.filter(isUnknown)))
  await ask(entries.flatMap((entry, index) => derivedKeys(entry, keys[index] ?? [], known)).filter(isUnknown))
  return known
}

/** The provider keys that users would get by the row's providerType, where it gives no providerId. */
function derivedKeys({ candidate }: Entry, keys: readonly Key[], known: KnownUsers): Key[] {
  const providerType = valueOf(candidate.values, 'providerType')
  if (providerType === undefined || candidate.keys.provider !== undefined) return []
  return keys.flatMap(([kind, key]): Key[] => {
    const user = kind === 'id' ? known.withId(key) : known.withKey(kind, key)
    const providerId = user === undefined ? '' : valueOf(user.values, 'providerId')
    return providerId ? [['provider', providerKey(providerType, providerId)]] : []
  })
}
