import { describe, expect, it } from '@jest/globals'
import type { AnswerOptions } from '../../src/import/answer.ts'
import type { AnnotatedRow } from '../../src/import/row.ts'
import { emailRequired } from '../../src/users/faults.ts'
import { ndjsonAnswer } from '../support/answer.ts'

const plain: AnswerOptions = { onlyInvalid: false, detailed: false, returnId: false }

function annotated(cells: readonly string[], more: Partial<AnnotatedRow> = {}): AnnotatedRow {
  return {
    row: { number: 7, cells, faults: [] },
    disposition: 'created',
    faults: [],
    id: 'i',
    changed: [],
    ...more,
  }
}

describe('the answer as NDJSON', () => {
  it('holds the faults of an invalid row', () => {
    const writer = ndjsonAnswer({ names: ['E-Mail', ''], columns: ['email', undefined] }, plain)
    const row = annotated([], { disposition: 'invalid', id: null, faults: [emailRequired()] })
    expect(writer.head() + writer.rows([row])).toBe(
      '{"row":7,"disposition":"invalid","id":null,"faults":[{"column":"email","code":"email.required",' +
        '"message":"email is required for a new user","value":""}],"cells":{"E-Mail":""}}\n',
    )
  })

  it('holds a column that is named like a property of objects', () => {
    const names = ['id', '__proto__', 'a"b']
    const writer = ndjsonAnswer({ names, columns: ['id', undefined, undefined] }, plain)
    const text = writer.rows([annotated(['', 'x', '\n'])])
    expect(text).toBe(
      '{"row":7,"disposition":"imported","id":"i","faults":[],"cells":{"id":"i","__proto__":"x","a\\"b":"\\n"}}\n',
    )
    expect(Object.keys(JSON.parse(text).cells)).toEqual(names)
  })

  it('holds the names of changed columns if details are asked for', () => {
    const writer = ndjsonAnswer({ names: ['slug'], columns: ['slug'] }, { ...plain, detailed: true })
    expect(writer.rows([annotated(['a'], { disposition: 'updated', changed: ['slug', 'email'] })])).toBe(
      '{"row":7,"disposition":"updated","id":"i","faults":[],"changed":["slug","email"],"cells":{"slug":"a"}}\n',
    )
  })

  it('fills the blank cells of a new user with what the service decided', () => {
    const writer = ndjsonAnswer({ names: ['id', 'active', 'name'], columns: ['id', 'active', 'name'] }, plain)
    expect(JSON.parse(writer.rows([annotated([' '])])).cells).toEqual({ id: 'i', active: 'TRUE', name: '' })
  })

  it('leaves out good rows if only invalid ones are asked for', () => {
    const writer = ndjsonAnswer({ names: ['id'], columns: ['id'] }, { ...plain, onlyInvalid: true })
    expect(writer.rows([annotated([]), annotated([], { disposition: 'skipped', id: null })])).toBe('')
  })
})
