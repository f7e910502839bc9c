import { describe, expect, it } from '@jest/globals'
import type { Request } from 'express'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { ServiceError } from '../../src/errors.ts'
import { queryOf, type Parameter } from '../../src/http/query.ts'

const parameters: Readonly<Record<string, Parameter>> = {
  only: ['invalid'],
  dates: ['dmy', 'mdy'],
  limit: { accepts: (value) => /^\d+$/.test(value), howTo: 'say a number' },
  map: { accepts: (value) => value.includes(':'), howTo: 'say ?map=COLUMN:HEADER' },
}

const read = (url: string, known = parameters): URLSearchParams =>
  queryOf(Object.assign(new IncomingMessage(new Socket()), { url }) as Request, known, ['map'])

function refusal(url: string, known = parameters): ServiceError {
  try {
    read(url, known)
  } catch (error) {
    if (error instanceof ServiceError) return error
    throw error
  }
  throw new Error('The query was taken.')
}

describe('the query of a request', () => {
  it.each(['constructor', '__proto__', 'toString', 'Only', 'only[]', ' only', ''])(
    'may not have the parameter %j, which is not known',
    (name) => {
      const error = refusal(`/x?${encodeURIComponent(name)}=1`)
      expect(error).toMatchObject({ code: 'request.query', status: 400 })
      expect(error.message).toContain('known are only, dates, limit, map')
    },
  )

  it('says so where none is known', () => {
    expect(refusal('/x?a=1', {}).message).toBe('?a is not known; no parameter is.')
  })

  it.each([
    ['only=', '?only= is not taken; say ?only=invalid.'],
    ['only=valid', '?only=valid is not taken; say ?only=invalid.'],
    ['dates=ymd', '?dates=ymd is not taken; say ?dates=dmy or ?dates=mdy.'],
    ['limit=x', '?limit=x is not taken; say a number.'],
    ['map=a:b&map=c', '?map=c is not taken; say ?map=COLUMN:HEADER.'],
  ])('may not be %s, and says what to say', (query, message) => {
    expect(refusal(`/x?${query}`).message).toBe(message)
  })

  it('may not say a thing twice, even the same', () => {
    expect(refusal('/x?only=invalid&only=invalid').message).toBe('?only stands there more than once.')
  })

  it('is quoted shortly', () => {
    const long = 'x'.repeat(5_000)
    expect(refusal(`/x?only=${long}`).message.length).toBeLessThan(300)
    expect(refusal(`/x?${long}=1`).message.length).toBeLessThan(300)
  })

  it('is read with its escapes, and what may stand there more than once keeps its order', () => {
    const query = read('/x?map=email:Work%20Email&limit=5&map=slug%3ANick+Name')
    expect(query.getAll('map')).toEqual(['email:Work Email', 'slug:Nick Name'])
    expect(query.get('limit')).toBe('5')
  })

  it.each(['/x', '/x?', '//x', '/%E0%A4%A'])('of %s is empty', (url) => {
    expect([...read(url)]).toEqual([])
  })
})
