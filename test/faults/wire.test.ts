import { describe, expect, it } from '@jest/globals'
import { fatalError, MessageReader, queryMessage, startupKind, statementOf } from './wire.ts'

const startup = Buffer.from([0, 0, 0, 8, 0, 3, 0, 0])
const encryption = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])
const parse = Buffer.concat([Buffer.from('P\0\0\0\x14name\0select 1\0\0\0', 'latin1')])

describe('messages of PostgreSQL', () => {
  it('are found wherever the stream is cut', () => {
    const stream = Buffer.concat([queryMessage('select 1'), queryMessage(''), parse])
    for (let cut = 0; cut <= stream.length; cut += 1) {
      const reader = new MessageReader(true)
      const read = [...reader.read(stream.subarray(0, cut)), ...reader.read(stream.subarray(cut))]
      expect(read.map(statementOf)).toEqual(['select 1', '', 'select 1'])
      expect(Buffer.concat(read.map(({ bytes }) => bytes))).toEqual(stream)
    }
  })

  it('have no type before the connection is set up', () => {
    const reader = new MessageReader(false)
    const [asked] = [...reader.read(encryption)]
    expect(startupKind(asked!)).toBe('encryption')
    const [started] = [...reader.read(startup)]
    expect(startupKind(started!)).toBe('startup')
    reader.startUp()
    expect([...reader.read(queryMessage('begin'))].map(statementOf)).toEqual(['begin'])
  })

  it('that bring no statement have none', () => {
    const [error] = [...new MessageReader(true).read(fatalError('57P01'))]
    expect(error?.type).toBe('E')
    expect(statementOf(error!)).toBeUndefined()
    expect(error?.bytes.toString()).toContain('C57P01\0')
  })
})
