import express from 'express'
import { createLog } from '../../src/log.ts'
import { drainRest } from '../../src/http/drain.ts'
import { readMembersImport, type MembersImportOptions } from '../../src/http/read-members-import.ts'
import { answerProblem } from '../../src/http/problem.ts'
import { listen } from '../../src/http/server.ts'
import { readMembersPayload } from '../../src/json/members.ts'
import type { Member } from '../../src/users/members.ts'
import type { BodyFault } from '../../src/errors.ts'
import { RawClient } from '../support/raw-client.ts'

/** What the server says of an import of members. */
export interface Said {
  readonly id: string
  readonly members: number
  readonly meaning: string
  readonly upload: { readonly bytes: number; readonly sha256: string }
  readonly first: readonly Member[]
  readonly code: string
  readonly detail: string
  readonly errors: readonly BodyFault[]
}

/** A server that only takes the bodies of imports of members and says what it has got. */
export async function startMembersServer(given: Partial<MembersImportOptions> = {}) {
  const app = express()
  const endings: unknown[] = []
  app.use(drainRest)
  app.post('/v1/organizations/:organizationId/members/import', async (req, res) => {
    try {
      const { envelope, members, meaning, upload, payload, close } = await readMembersImport(req, {
        maxBytes: 1_000_000,
        organizationId: Number(req.params.organizationId),
        ...given,
      })
      const first: Member[] = []
      for await (const some of readMembersPayload(payload.read())) first.push(...some.slice(0, 5))
      await close()
      endings.push('complete')
      res.status(202).json({ id: envelope.id, members, meaning, upload, first })
    } catch (error) {
      endings.push(error)
      throw error
    }
  })
  app.use(answerProblem(createLog('silent')))
  const server = await listen(app, { host: '127.0.0.1', port: 0, stopping: () => false })
  const path = '/v1/organizations/7/members/import'
  return {
    path,
    url: `${server.url}${path}`,
    /** How each request ended: 'complete', or its error. */
    endings,
    connect: () => RawClient.connect({ port: Number(new URL(server.url).port) }),
    post: async (
      body: string | Uint8Array | ReadableStream<Uint8Array>,
      headers: Record<string, string> = { 'Content-Type': 'application/json' },
    ) => {
      const answer = await fetch(`${server.url}${path}`, { method: 'POST', body, headers, duplex: 'half' })
      const text = await answer.text()
      return { status: answer.status, headers: answer.headers, text, ...(JSON.parse(text) as Said) }
    },
    close: () => server.stop(2_000),
  }
}

export type MembersServer = Awaited<ReturnType<typeof startMembersServer>>
