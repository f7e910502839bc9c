import type { Knex } from 'knex'
import { setTimeout } from 'node:timers/promises'

/** The slugs of the stored users, once no import runs and their number has stopped changing. */
export async function settledUsers(knex: Knex): Promise<string[]> {
  let last = -1
  for (;;) {
    const slugs = await knex('users').pluck<string[]>('slug')
    const running = await knex('imports').where({ state: 'running' }).pluck<string[]>('id')
    if (running.length === 0 && slugs.length === last) return slugs
    last = running.length === 0 ? slugs.length : -1
    await setTimeout(150)
  }
}
