import { describe, expect, it } from '@jest/globals'
import { asServiceError, isInTheWay, meaningOf, refusal, RowMoved } from '../../src/db/trouble.ts'
import { ServiceError } from '../../src/errors.ts'

/** An error as the server sends it. */
const sent = (code: string, more: Readonly<Record<string, string>> = {}): Error =>
  Object.assign(new Error(`of ${code}`), { code, severity: 'ERROR', ...more })

describe('an error of the database', () => {
  it.each(['22021', '22001', '23502', '23503', '23514', '23P01', '38000', '44000', '54000', 'P0001'])(
    'means by %s that it refuses a row',
    (code) => {
      expect(meaningOf(sent(code))).toBe('row')
    },
  )

  it.each(['23505', '40001', '40P01', '55P03'])('means by %s that another was in the way', (code) => {
    expect(meaningOf(sent(code))).toBe('in the way')
    expect(isInTheWay(sent(code))).toBe(true)
  })

  it.each([
    ...['08000', '08003', '08006', '08P01', '25006', '25P03', '25P04', '28000', '28P01', '3D000'],
    ...['53100', '53200', '53300', '57014', '57P01', '57P02', '57P03', '57P05', '58030', 'XX000'],
  ])('means by %s that the database is in trouble', (code) => {
    expect(meaningOf(sent(code))).toBe('trouble')
  })

  it.each([
    '0A000',
    '21000',
    '25001',
    '25P02',
    '42P01',
    '42501',
    '42703',
    '55000',
    'XX001',
    'XX002',
    '99999',
  ])('means by %s that trying again never helps', (code) => {
    expect(meaningOf(sent(code))).toBe('give up')
    expect(isInTheWay(sent(code))).toBe(false)
  })

  it('means the same whichever package made it, and where it has its words already', () => {
    expect(meaningOf({ code: '40P01', severity: 'ERROR' })).toBe('in the way')
    expect(meaningOf(asServiceError(new Error('Connection terminated unexpectedly')))).toBe('trouble')
    expect(meaningOf(asServiceError(sent('57P01')))).toBe('trouble')
    expect(meaningOf(new RowMoved())).toBe('in the way')
  })

  it('is a mistake of ours where it is none of the database', () => {
    for (const error of [new ServiceError('internal', 'x'), new Error('x'), new TypeError('x'), undefined])
      expect(meaningOf(error)).toBe('give up')
  })
})

describe('trouble with the database', () => {
  it.each<[string, unknown]>([
    ['of a server that is read-only', sent('25006')],
    ['that is a plain object', { code: '25006', severity: 'ERROR' }],
    ['of a server that shuts down', sent('57P01', { severity: 'FATAL' })],
    ['of too many connections', sent('53300', { severity: 'FATAL' })],
    ['of a full disk', sent('53100')],
    ['of a lost connection', sent('08006')],
    ['of a password that is being changed', sent('28P01', { severity: 'FATAL' })],
    ['without a SQLSTATE', new Error('Connection terminated unexpectedly')],
    ['of the system', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })],
    ['that is nothing at all', undefined],
  ])('%s means that it can not be reached, and to come back', (_what, error) => {
    const said = asServiceError(error)
    expect(said).toBeInstanceOf(ServiceError)
    expect(said).toMatchObject({ code: 'database.unreachable', status: 503, cause: error })
    expect(Number((said as ServiceError).headers['Retry-After'])).toBeGreaterThan(0)
  })

  it.each(['42P01', '42703', '23505', '40001', '25001', '25P02', 'XX002'])(
    'is not what the server says by %s',
    (code) => {
      const error = sent(code)
      expect(asServiceError(error)).toBe(error)
    },
  )

  it('is left as it is where it has its words already', () => {
    for (const error of [new ServiceError('internal', 'x'), new RowMoved()])
      expect(asServiceError(error)).toBe(error)
  })

  it('is left as it is where it is a mistake of ours', () => {
    const error = new TypeError('x is not a function')
    expect(asServiceError(error)).toBe(error)
  })
})

describe('what the database refuses to store', () => {
  it('is named by the constraint, where there is one', () => {
    expect(refusal(sent('23514', { constraint: 'odd' }))).toBe('odd')
    expect(refusal({ code: '23514', severity: 'ERROR', constraint: 'odd' })).toBe('odd')
  })

  it.each(['23514', '22021', '22001', '44000', '54000', 'P0001'])(
    'is named by %s where there is none',
    (code) => {
      expect(refusal(sent(code))).toBe(code)
    },
  )

  it.each(['42P01', '25006', '57P01', '40001', '23505'])('is not what the server says by %s', (code) => {
    expect(refusal(sent(code, { constraint: 'odd' }))).toBeUndefined()
  })

  it('is nothing that did not come from the server', () => {
    expect(refusal(Object.assign(new Error('x'), { code: '23514' }))).toBeUndefined()
    expect(refusal(new Error('x'))).toBeUndefined()
    expect(refusal(undefined)).toBeUndefined()
  })
})
