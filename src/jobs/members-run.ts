import { createMemberJudge } from '../import/judge-members.ts'
import { meaningOfMembers } from '../import/meaning.ts'
import { memberRow } from '../import/member-rows.ts'
import type { Row } from '../import/row.ts'
import type { RunParts } from '../import/run-parts.ts'
import { readMembersPayload } from '../json/members.ts'
import type { Importer } from '../users/grants.ts'
import { keptRun, type Run } from './run.ts'

/** What is asked of an import of members. JSON can hold it, for a worker. */
export interface MemberInstructions {
  readonly importer: Importer
}

/** The rows that the members of a payload are. */
export async function* memberRows(payload: AsyncIterable<Buffer>): AsyncGenerator<readonly Row[]> {
  let count = 0
  for await (const members of readMembersPayload(payload))
    yield members.map((each) => memberRow(each, ++count))
}

/** What the engine needs to import members. */
export function membersRun({ importer }: MemberInstructions, run: Run): RunParts {
  return { ...keptRun(run), importer, judge: createMemberJudge(importer.role), meaning: meaningOfMembers }
}
