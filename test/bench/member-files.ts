import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ColumnName } from '../../src/users/columns.ts'
import type { Member } from '../../src/users/members.ts'
import { copyColumns, organization, stored, withFolder, writeCsv, type Copy } from './files.ts'
import { rowOf, type Cells } from './rows.ts'

/** The same people, as CSV and as members. */
export interface MemberFiles {
  readonly rows: number
  readonly csv: string
  readonly copyOfCsv: Copy
  /** The members of the bodies, between their brackets. */
  readonly members: string
  readonly copyOfMembers: Copy
}

/** As many as a member has properties, of which CSV knows but five. */
const csvColumns = ['email', 'givenName', 'familyName', 'name', 'roles', 'active', 'status'] as const

/** Writes the files, lends them to a function and removes them. */
export async function withMemberFiles<T>(rows: number, use: (files: MemberFiles) => Promise<T>): Promise<T> {
  return withFolder(async (at) => {
    const copyOfCsv = { file: at('copy-of-csv.csv'), columns: copyColumns }
    const columns = [...copyColumns, 'recovery_email', 'is_mfa_disabled']
    const copyOfMembers = { file: at('copy-of-members.csv'), columns }
    const files = { rows, csv: at('upload.csv'), copyOfCsv, members: at('members.json'), copyOfMembers }
    await writeCsv(files.csv, csvColumns, rows, (number) => csvOf(memberOf(number)))
    await writeCsv(copyOfCsv.file, copyOfCsv.columns, rows, (number) =>
      stored(cellsOf(memberOf(number)), number),
    )
    await pipeline(Readable.from(memberTexts(rows)), createWriteStream(files.members))
    await writeCsv(copyOfMembers.file, columns, rows, (number) => {
      const member = memberOf(number)
      return [
        ...stored(cellsOf(member), number),
        member.recoveryEmail ?? '',
        member.isMfaDisabled === true ? 'TRUE' : 'FALSE',
      ]
    })
    return await use(files)
  })
}

/** The member of a number: the same in every run. */
export function memberOf(number: number): Member {
  const { email = '', givenName = '', familyName = '', name = '' } = rowOf('sparse', number)
  return {
    emailAddress: email,
    givenName,
    familyName,
    displayName: name,
    ...(number % 2 === 0 ? { recoveryEmail: `recovery.${number}@example.org` } : {}),
    makeAdmin: number % 2048 === 0,
    isMfaDisabled: number % 50 === 0,
  }
}

/** What a body says beside its members, up to them. */
export function beforeMembers(id: string, organizationId: number = organization.id): string {
  const envelope = {
    id,
    importDate: '2026-05-04T10:15:00Z',
    importFilename: 'people.json',
    importingUserId: 'owner',
    organizationId,
  }
  return `${JSON.stringify(envelope).slice(0, -1)},"newMembers":[`
}

export const afterMembers = ']}'

const PIECE = 1_000

function* memberTexts(rows: number): Generator<string> {
  for (let first = 1; first <= rows; first += PIECE) {
    const length = Math.min(PIECE, rows - first + 1)
    const text = Array.from({ length }, (_, index) => JSON.stringify(memberOf(first + index))).join(',')
    yield first === 1 ? text : `,${text}`
  }
}

function cellsOf({ emailAddress, givenName, familyName, displayName, makeAdmin }: Member): Cells {
  return {
    email: emailAddress ?? '',
    givenName: givenName ?? '',
    familyName: familyName ?? '',
    name: displayName ?? '',
    roles: makeAdmin === true ? 'organization_owner' : 'organization_member',
  }
}

function csvOf(member: Member): readonly string[] {
  const cells: Partial<Record<ColumnName, string>> = { ...cellsOf(member), active: 'TRUE', status: 'invited' }
  return csvColumns.map((name) => cells[name] ?? '')
}
