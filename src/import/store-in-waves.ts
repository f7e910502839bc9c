import type { Users } from '../users/user-directory.ts'
import type { Decision } from './decision.ts'

/** Stores what was decided; what takes a key goes into a later wave than what gives it up. */
export async function storeInWaves(decisions: readonly Decision[], store: Users): Promise<void> {
  const writes = decisions.filter((each) => each.kind === 'create' || each.kind === 'update')
  const last = writes.reduce((latest, { wave }) => Math.max(latest, wave), 0)
  for (let wave = 0; wave <= last; wave += 1) {
    const now = writes.filter((each) => each.wave === wave)
    const created = now.filter(({ kind }) => kind === 'create').map(({ user }) => user)
    const updates = now.filter((each) => each.kind === 'update')
    if (created.length > 0) await store.insert(created)
    if (updates.length > 0) await store.update(updates)
  }
}
