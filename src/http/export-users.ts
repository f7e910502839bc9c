import type { RequestHandler } from 'express'
import { setImmediate } from 'node:timers/promises'
import { csvType } from '../csv/write-csv.ts'
import { userRecords, usersHead } from '../csv/write-users.ts'
import { allUsers, type ListedUser, type UserPages } from '../users/user-list.ts'
import { acceptedType } from './accept.ts'
import { exportedOrganization, type CallerParts } from './caller.ts'
import { queryOf } from './query.ts'
import { streamText } from './stream-text.ts'

/** What the export route needs. */
export interface ExportRouteParts extends CallerParts {
  readonly userPages: UserPages
  /** Users that are read from the database at once. */
  readonly exportPage: number
}

/**
 * `GET /api/export/organization/users.csv`: all users of the caller's organization, as an upload that changes
 * nothing. They are as they are stored, also where today's rules would refuse them, in the order of their ids.
 * `HEAD` looks at no user.
 */
export function exportUsers(parts: ExportRouteParts): RequestHandler {
  return async (req, res) => {
    const organizationId = await exportedOrganization(req, parts)
    acceptedType(req, ['text/csv'])
    queryOf(req, {})
    const begin = (): void => {
      res.writeHead(200, {
        'Content-Type': csvType,
        'Content-Disposition': 'attachment; filename="users.csv"',
        'Cache-Control': 'no-store',
      })
    }
    if (req.method === 'HEAD') {
      begin()
      res.end()
    } else await streamText(res, begin, texts(allUsers(parts.userPages, organizationId, parts.exportPage)))
  }
}

// Users that are written in one go, about half a millisecond. In between the event loop turns.
const SLICE = 250

async function* texts(pages: AsyncGenerator<readonly ListedUser[]>): AsyncGenerator<string> {
  let head = usersHead
  for await (const users of pages) {
    for (let start = 0; start < users.length; start += SLICE) {
      yield head + userRecords(users.slice(start, start + SLICE))
      head = ''
      await setImmediate()
    }
  }
  // An organization without users.
  if (head !== '') yield head
}
