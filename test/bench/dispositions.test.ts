import { describe, expect, it } from '@jest/globals'
import { DispositionCounter } from './dispositions.ts'

const answer = `disposition,errors,name,addressLine1
imported,,Anna,"1, High ""Street""
imported,left"
invalid,"Validation error: name must be, but has \nx",Bob,
imported,,Zoë,
`

function counted(text: string, size: number): Readonly<Record<string, number>> {
  const counter = new DispositionCounter()
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) counter.add(bytes.subarray(at, at + size))
  return counter.counts()
}

describe('the counter of dispositions', () => {
  it.each([1, 2, 7, 1000])('counts the first cell of each record, in pieces of %i bytes', (size) => {
    expect(counted(answer, size)).toEqual({ imported: 2, invalid: 1 })
  })

  it('refuses an answer that ends within a record', () => {
    expect(() => counted(answer.slice(0, -3), 1000)).toThrow('within a record')
    expect(() => counted(`${answer}impor`, 1000)).toThrow('within a record')
  })
})
