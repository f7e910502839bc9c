import type { RequestHandler } from 'express'
import { template } from '../csv/template.ts'
import { csvType } from '../csv/write-csv.ts'

/** `GET /api/template/organization/users.csv`: the header and four example rows. */
export const sendTemplate: RequestHandler = (_req, res) => {
  res
    .set({
      'Content-Type': csvType,
      'Content-Disposition': 'attachment; filename="users-template.csv"',
      'Cache-Control': 'no-store',
    })
    .send(Buffer.from(template()))
}
