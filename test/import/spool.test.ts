import { randomBytes } from 'node:crypto'
import { readdirSync, readlinkSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { PieceSpool, Spool, ValueSpool } from '../../src/import/spool.ts'

async function bytesOf(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}

/** How many spools this process has open: files that have no name any more. */
function openSpools(): number {
  const folder = '/proc/self/fd'
  return readdirSync(folder).filter((name) => {
    try {
      return /rollcall-[\w-]+ \(deleted\)$/.test(readlinkSync(`${folder}/${name}`))
    } catch {
      return false
    }
  }).length
}

const onLinux = process.platform === 'linux' ? it : it.skip

describe('a spool', () => {
  let spool: Spool

  beforeEach(async () => {
    spool = await Spool.open()
  })
  afterEach(() => spool.close().catch(() => undefined))

  it('gives nothing before something is written', async () => {
    expect(spool.length).toBe(0)
    expect(await bytesOf(spool.read())).toHaveLength(0)
    await expect(spool.readAt(0, 1)).rejects.toBeInstanceOf(RangeError)
  })

  it('gives no more than was written', async () => {
    await spool.write(Buffer.from('abc'))
    await expect(spool.readAt(1, 3)).rejects.toBeInstanceOf(RangeError)
  })

  onLinux('has no name, and gives its room back when it is closed', async () => {
    const before = openSpools()
    const other = await Spool.open()
    expect(openSpools()).toBe(before + 1)
    await other.close()
    expect(openSpools()).toBe(before)
  })

  it('gives back what was written, whole and from any place, again and again', async () => {
    const parts = [1, 0, 300_000, 256 * 2 ** 10, 7].map((length) => randomBytes(length))
    for (const part of parts) await spool.write(part)
    const all = Buffer.concat(parts)
    expect(spool.length).toBe(all.length)
    expect((await bytesOf(spool.read())).equals(all)).toBe(true)
    expect((await bytesOf(spool.read())).equals(all)).toBe(true)
    for (const [at, length] of [
      [0, 1],
      [1, 300_000],
      [300_000, 262_152],
      [all.length - 1, 1],
    ] as const)
      expect((await spool.readAt(at, length)).equals(all.subarray(at, at + length))).toBe(true)
    expect(await spool.readAt(5, 0)).toHaveLength(0)
  })

  it('is read by several at once while more is written', async () => {
    const all = randomBytes(700_000)
    await spool.write(all)
    const [one, other] = await Promise.all([
      bytesOf(spool.read()),
      bytesOf(spool.read()),
      spool.write(Buffer.from('more')),
    ])
    expect(one.subarray(0, all.length).equals(all) && other.subarray(0, all.length).equals(all)).toBe(true)
  })

  it('forgets what was written when it is cleared', async () => {
    await spool.write(Buffer.from('a long text'))
    await spool.clear()
    expect(spool.length).toBe(0)
    await spool.write(Buffer.from('short'))
    expect((await bytesOf(spool.read())).toString()).toBe('short')
    await expect(spool.readAt(0, 6)).rejects.toBeInstanceOf(RangeError)
  })
})

describe('a spool of pieces', () => {
  it('gives them back one by one as they were written, again and again', async () => {
    const pieces = new PieceSpool(await Spool.open())
    const written = [3, 0, 700_000, 1].map((length) => randomBytes(length))
    for (const piece of written) await pieces.write(piece)
    for (let time = 0; time < 2; time += 1) {
      const read: Buffer[] = []
      for await (const piece of pieces.read()) read.push(piece)
      expect(read.map((piece) => piece.length)).toEqual([3, 0, 700_000, 1])
      expect(Buffer.concat(read).equals(Buffer.concat(written))).toBe(true)
    }
    expect(pieces.length).toBe(700_004)
    await pieces.clear()
    expect(pieces.length).toBe(0)
    expect((await pieces.read().next()).done).toBe(true)
    await pieces.close()
  })
})

describe('a spool of values', () => {
  let spool: Spool
  let values: ValueSpool<unknown>

  beforeEach(async () => {
    spool = await Spool.open()
    values = new ValueSpool(spool)
  })
  afterEach(() => spool.close())

  async function all(): Promise<unknown[]> {
    const found: unknown[] = []
    for await (const value of values.read()) found.push(value)
    return found
  }

  it('gives them back in their order, whatever their characters and their size', async () => {
    const written = [null, [], { a: 'é😀\0\r\n"' }, 'x'.repeat(400_000), [{ row: { cells: ['', ' '] } }], 0]
    expect(await all()).toEqual([])
    for (const value of written) await values.write(value)
    expect(await all()).toEqual(written)
    expect(await all()).toEqual(written)
  })

  it('forgets them when it is cleared', async () => {
    await values.write('one')
    await values.write('two')
    await values.clear()
    expect(await all()).toEqual([])
    await values.write('three')
    expect(await all()).toEqual(['three'])
  })
})
