import type { Knex } from 'knex'
import type { Addressees } from '../users/addressees.ts'
import { emailKey } from '../users/email.ts'
import { caseless, hidesSomething, holdsHalfCharacter } from '../users/text.ts'
import { promptly } from './persevere.ts'
import { query } from './query.ts'

const byId = 'select email from users where organization_id = ?::integer and id = ?::text'

const byAnyKey = `
  select email, may_be_named from (
    select 1 as place, u.* from users u where organization_id = ?::integer and id = ?::text
    union all
    select 2, u.* from users u where organization_id = ?::integer and slug_key = ?::text
    union all
    select 3, u.* from users u where organization_id = ?::integer and email_key = ?::text
  ) found
  cross join lateral (
    select active and status <> 'suspended' and roles && '{organization_owner,organization_member}' as may_be_named
  ) right_of_user
  order by place limit 1`

/** The users in PostgreSQL, for letters to them. */
export function createAddressees(knex: Knex): Addressees {
  return {
    emailOf: async (organizationId, id) => {
      if (isNobody(id)) return undefined
      return (await promptly(() => query<{ email: string }>(knex, byId, [organizationId, id])))[0]?.email
    },
    emailOfNamed: async (organizationId, text) => {
      if (isNobody(text)) return undefined
      const keys = [text, caseless(text), emailKey(text)]
      const parameters = keys.flatMap((key) => [organizationId, key])
      const [user] = await promptly(() =>
        query<{ email: string; may_be_named: boolean }>(knex, byAnyKey, parameters),
      )
      return user?.may_be_named === true ? user.email : undefined
    },
  }
}

/** No key holds what PostgreSQL can't compare: NUL, and halves of characters. */
const isNobody = (text: string): boolean => hidesSomething(text, false) || holdsHalfCharacter(text)
