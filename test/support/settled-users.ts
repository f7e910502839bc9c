import type { Knex } from 'knex'
import { setTimeout } from 'node:timers/promises'

/** The slugs of the stored users, once their number has stopped changing: an import ends after its last batch. */
export async function settledUsers(knex: Knex): Promise<string[]> {
  let last = -1
  for (;;) {
    const slugs = await knex('users').pluck<string[]>('slug')
    if (slugs.length === last) return slugs
    last = slugs.length
    await setTimeout(150)
  }
}
