import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { newPlace, type Place } from '../support/database.ts'
import { numbered, numberedHeader, recordsOf } from '../support/csv.ts'
import { startProcess, type ServiceProcess } from '../support/process.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import { idOfBegun, newest, receiptOf, resultOf, untilReceipt, type Asked } from '../support/receipts.ts'
import { inTime } from '../support/until.ts'

describe('SIGTERM', () => {
  let place: Place
  const processes: ServiceProcess[] = []

  beforeEach(async () => {
    place = await newPlace()
  })
  afterEach(async () => {
    for (const process of processes.splice(0)) await process.kill()
    await place.remove()
  })

  const start = async (): Promise<Asked & { process: ServiceProcess }> => {
    const process = startProcess({ ...place.env, ORGANIZATIONS: 'helping-hands:1' })
    processes.push(process)
    const token = await process.token()
    return { process, port: Number(new URL(await process.url()).port), token: () => Promise.resolve(token) }
  }

  it('lets an import finish whose client has left after it had sent everything', async () => {
    const first = await start()
    // So many that they take longer than the signal, and so few that a slow machine is done before the limit.
    const body = numberedHeader + numbered(0, 10_000)
    const client = await RawClient.connect(first)
    await client.write(headOf({ token: await first.token(), length: body.length }) + body)
    await client.until((text) => text.includes('imported'))
    const [receipt] = await newest(first)
    client.socket.resetAndDestroy()
    first.process.child.kill('SIGTERM')
    expect(await first.process.exit).toEqual({ code: 0, signal: null })
    const second = await start()
    const now = await receiptOf(second, receipt!.id)
    // Where the reset came before the last bytes of the upload were read, it is aborted; half-way it never is.
    expect(['finished', 'aborted']).toContain(now.state)
    if (now.state === 'finished') expect(now.counts).toMatchObject({ rows: 10_000, imported: 10_000 })
    else expect(now.reason?.code).toBe('request.interrupted')
    expect(recordsOf((await resultOf(second, receipt!.id)).text)).toHaveLength(now.counts['rows']! + 1)
  })

  it('within its limit leaves receipts aborted of imports that do not finish, and breaks their clients off', async () => {
    const first = await start()
    const client = await RawClient.connect(first)
    await client.write(headOf({ token: await first.token() }))
    await client.chunk(numberedHeader + numbered(0, 60))
    await client.until((text) => text.includes('imported'))
    const strict = await RawClient.connect(first)
    await idOfBegun(first, async () => {
      await strict.write(headOf({ token: await first.token(), query: 'strict=true' }))
      await strict.chunk(numberedHeader + numbered(100, 160))
    })
    const imports = await newest(first)
    const follower = resultOf(first, imports[1]!.id)
    await setTimeout(300)
    first.process.child.kill('SIGTERM')
    // Nothing but its limit ends it: both uploads would be waited for for two minutes.
    expect(await inTime(first.process.exit, 90_000)).toEqual({ code: 0, signal: null })
    expect(await client.ending()).toBe('reset')
    expect(client.body.complete).toBe(false)
    expect(await strict.ending()).not.toBe('open')
    expect([0, 503]).toContain(strict.status)
    expect((await follower).complete).toBe(false)
    const second = await start()
    for (const { id } of imports) {
      const receipt = await untilReceipt(second, id, ({ state }) => state === 'aborted')
      expect(['service.stopping', 'request.interrupted']).toContain(receipt.reason?.code)
    }
    expect(await resultOf(second, imports[1]!.id)).toMatchObject({ complete: true, status: 200 })
  })
})
