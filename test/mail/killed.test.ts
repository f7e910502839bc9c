import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { newPlace, type Place } from '../support/database.ts'
import { startMailServer, type MailServer } from './mail-server.ts'
import { isSent, postmanOf, untilStatus, writeLetter } from './outbox.ts'
import type { LetterStatus } from '../../src/receipts/letter.ts'

const program = fileURLToPath(new URL('./sending-process.ts', import.meta.url))

let place: Place
let server: MailServer
let child: ChildProcess | undefined

beforeEach(async () => {
  place = await newPlace()
  server = await startMailServer()
  const database = await openDatabase(place.settings)
  await migrate(database.knex)
  await writeLetter(database.knex)
  await database.close()
})

afterEach(async () => {
  await killed()
  await server.close()
  await place.remove()
})

function startSending(): void {
  const args = ['--import', 'tsx', program, JSON.stringify(place.settings), String(server.port)]
  child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
}

async function killed(): Promise<void> {
  const running = child
  child = undefined
  if (running === undefined) return
  const closed = once(running, 'close')
  running.kill('SIGKILL')
  await closed
}

/** What another process does with the letter, once the first is dead. */
async function sentByAnother(): Promise<LetterStatus> {
  const database = await openDatabase(place.settings)
  const postman = postmanOf(database.knex, server.port)
  try {
    postman.start()
    return await untilStatus(database.knex, isSent)
  } finally {
    await postman.stop(0)
    await database.close()
  }
}

describe('a letter whose postman is killed', () => {
  it('is sent by another when the lease has ended, with the same Message-ID', async () => {
    const dead = new Promise<void>((resolve, reject) => {
      server.verdict = () => {
        server.verdict = () => 'take'
        killed().then(resolve, reject)
        return 'never'
      }
    })
    startSending()
    await dead
    expect(await sentByAnother()).toMatchObject({ attempts: 2, state: 'sent' })
    expect(server.taken).toHaveLength(1)
    expect(server.seen).toHaveLength(2)
    expect(new Set(server.seen.map(({ messageId }) => messageId)).size).toBe(1)
  }, 120_000)

  it('is sent once more at most when it was taken already, with the same Message-ID', async () => {
    const dead = new Promise<void>((resolve, reject) => {
      server.verdict = () => {
        server.verdict = () => 'take'
        // after the answer is on its way
        setImmediate(() => {
          killed().then(resolve, reject)
        })
        return 'take'
      }
    })
    startSending()
    await dead
    const { attempts } = await sentByAnother()
    expect(server.taken).toHaveLength(attempts)
    expect([1, 2]).toContain(attempts)
    expect(new Set(server.taken.map(({ messageId }) => messageId)).size).toBe(1)
  }, 120_000)
})
