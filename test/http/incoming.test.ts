import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { ServiceError } from '../../src/errors.ts'
import { Incoming } from '../../src/http/incoming.ts'
import { Spool } from '../../src/import/spool.ts'

/** An upload in pieces, and whether somebody let go of it. */
class Source {
  isLetGo = false
  taken = 0
  readonly #pieces: readonly string[]
  readonly #failure: Error | undefined

  constructor(pieces: readonly string[], failure?: Error) {
    this.#pieces = pieces
    this.#failure = failure
  }

  async *read(): AsyncGenerator<Buffer> {
    try {
      for (const piece of this.#pieces) {
        await Promise.resolve()
        this.taken += 1
        yield Buffer.from(piece)
      }
      if (this.#failure !== undefined) throw this.#failure
    } finally {
      this.isLetGo = true
    }
  }
}

const pieces = ['email\n', 'anna@x.org\n', 'bob@', 'x.org\n']
const whole = pieces.join('')
const digest = { bytes: whole.length, sha256: createHash('sha256').update(whole).digest('base64') }

async function textOf(chunks: AsyncIterable<Buffer>): Promise<string> {
  const all: Buffer[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all).toString()
}

describe('an upload on its way in', () => {
  const opened: Incoming[] = []
  let source: Source

  beforeEach(() => {
    source = new Source(pieces)
  })
  afterEach(async () => {
    for (const incoming of opened.splice(0)) await incoming.close()
  })

  async function open(keeps: boolean, from = source): Promise<Incoming> {
    const incoming = new Incoming(from.read(), keeps ? await Spool.open() : undefined)
    opened.push(incoming)
    return incoming
  }

  it.each([true, false])(
    'fails as its source does, kept (%s) or not, and has no digest then',
    async (keeps) => {
      const cut = new Source(pieces.slice(0, 2), new ServiceError('request.interrupted', 'It ended.'))
      const incoming = await open(keeps, cut)
      await expect(textOf(incoming.read())).rejects.toMatchObject({ code: 'request.interrupted' })
      const other = await open(keeps, new Source([], new RangeError('cut')))
      await expect(other.received()).rejects.toThrow(new RangeError('cut'))
    },
  )

  it('is waited for no longer than until somebody says so', async () => {
    const never = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from('email\n')
      await new Promise<never>(() => undefined)
    }
    const incoming = new Incoming(never())
    const stopping = new AbortController()
    incoming.stopOn(stopping.signal)
    const received = incoming.received()
    const reading = textOf(incoming.read())
    stopping.abort(new RangeError('stopped'))
    await expect(received).rejects.toThrow(new RangeError('stopped'))
    await expect(reading).rejects.toThrow(new RangeError('stopped'))
    await expect(incoming.received()).rejects.toThrow(new RangeError('stopped'))
    await incoming.close()
  })

  it('can’t be read again where it was not kept', async () => {
    const incoming = await open(false)
    await incoming.received()
    await expect(textOf(incoming.again())).rejects.toBeInstanceOf(RangeError)
  })

  it('is read as it comes, and no piece before it is asked for', async () => {
    const incoming = await open(false)
    const reading = incoming.read()
    expect(source.taken).toBe(0)
    expect((await reading.next()).value?.toString()).toBe('email\n')
    expect(source.taken).toBe(1)
    expect(await textOf(reading)).toBe(pieces.slice(1).join(''))
    expect(await incoming.received()).toEqual(digest)
  })

  it('goes on where its first reader stopped', async () => {
    const incoming = await open(false)
    for await (const piece of incoming.read()) {
      expect(piece.toString()).toBe('email\n')
      break
    }
    expect(source.isLetGo).toBe(false)
    expect(await textOf(incoming.read())).toBe(pieces.slice(1).join(''))
    expect(await incoming.received()).toEqual(digest)
  })

  it('has its digest when nobody read it, and says it as often as it is asked', async () => {
    const incoming = await open(false)
    expect(await incoming.received()).toEqual(digest)
    expect(await incoming.received()).toEqual(digest)
  })

  it('of no bytes has a digest too', async () => {
    const incoming = await open(true, new Source([]))
    expect(await incoming.received()).toEqual({
      bytes: 0,
      sha256: createHash('sha256').digest('base64'),
    })
    expect(await textOf(incoming.again())).toBe('')
  })

  it('is read again from its first byte as often as it is asked for, where it is kept', async () => {
    const incoming = await open(true)
    await incoming.read().next()
    await incoming.received()
    expect(await textOf(incoming.again())).toBe(whole)
    const [one, other] = await Promise.all([textOf(incoming.again()), textOf(incoming.again())])
    expect([one, other]).toEqual([whole, whole])
  })

  it('lets go of its source when it is closed, in the middle too', async () => {
    const incoming = new Incoming(source.read(), await Spool.open())
    await incoming.read().next()
    await incoming.close()
    await setImmediate()
    expect(source.isLetGo).toBe(true)
    expect(source.taken).toBe(1)
  })
})
