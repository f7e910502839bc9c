import type { KeySets, Users } from '../users/user-directory.ts'
import { providerKey, valueOf } from '../users/user.ts'
import type { Entry } from './decision.ts'
import { keyKinds, KnownUsers, type KeyKind, type KnownUser } from './known-users.ts'
import type { Repeats } from './repeats.ts'

type AnyKind = 'id' | KeyKind

const anyKinds: readonly AnyKind[] = ['id', ...keyKinds]

/** Collects the keys to ask for. What was asked for once is not asked for again. */
class Questions {
  readonly #asked = {
    id: new Set<string>(),
    slug: new Set<string>(),
    provider: new Set<string>(),
    email: new Set<string>(),
  }
  #next: Record<AnyKind, string[]> = { id: [], slug: [], provider: [], email: [] }

  add(kind: AnyKind, key: string): void {
    if (this.#asked[kind].has(key)) return
    this.#asked[kind].add(key)
    this.#next[kind].push(key)
  }

  /** The keys collected since the last call, or `undefined` where there are none. */
  take(): KeySets | undefined {
    const { id, slug, provider, email } = this.#next
    this.#next = { id: [], slug: [], provider: [], email: [] }
    const isEmpty = id.length + slug.length + provider.length + email.length === 0
    return isEmpty ? undefined : { ids: id, slugs: slug, providers: provider, emails: email }
  }
}

function keyOf({ candidate }: Entry, kind: AnyKind): string | undefined {
  return kind === 'id' ? valueOf(candidate.values, 'id') : candidate.keys[kind]
}

function userWith(known: KnownUsers, kind: AnyKind, key: string): KnownUser | undefined {
  return kind === 'id' ? known.withId(key) : known.withKey(kind, key)
}

/**
 * Finds every user whom the rows may mean or whose keys they touch: first by the key that decides, which
 * finds most; then by the keys that nobody found has; then by the provider keys that a new providerType
 * would make.
 */
export async function lookUp(entries: readonly Entry[], users: Users, repeats: Repeats): Promise<KnownUsers> {
  const known = new KnownUsers()
  const questions = new Questions()
  for (const collect of [addDeciding, addUnknown, addDerived]) {
    for (const entry of entries) collect(entry, questions, known)
    const keys = questions.take()
    if (keys === undefined) continue
    for (const user of await users.find(keys)) known.add(user, repeats.find(user.id))
  }
  return known
}

function addDeciding(entry: Entry, questions: Questions): void {
  for (const kind of anyKinds) {
    const key = keyOf(entry, kind)
    if (key === undefined) continue
    questions.add(kind, key)
    return
  }
}

function addUnknown(entry: Entry, questions: Questions, known: KnownUsers): void {
  for (const kind of anyKinds) {
    const key = keyOf(entry, kind)
    if (key !== undefined && userWith(known, kind, key) === undefined) questions.add(kind, key)
  }
}

/** The provider keys that users would get by the row's providerType, where it gives no providerId. */
function addDerived(entry: Entry, questions: Questions, known: KnownUsers): void {
  const providerType = valueOf(entry.candidate.values, 'providerType')
  if (providerType === undefined || entry.candidate.keys.provider !== undefined) return
  for (const kind of anyKinds) {
    const key = keyOf(entry, kind)
    const user = key === undefined ? undefined : userWith(known, kind, key)
    const providerId = user === undefined ? '' : valueOf(user.values, 'providerId')
    if (!providerId) continue
    const derived = providerKey(providerType, providerId)
    if (known.withKey('provider', derived) === undefined) questions.add('provider', derived)
  }
}
