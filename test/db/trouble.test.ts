import { describe, expect, it } from '@jest/globals'
import {
  asServiceError,
  meaningOf,
  refusal,
  RowMoved,
  unreachable,
  type Meaning,
} from '../../src/db/trouble.ts'
import { ServiceError } from '../../src/errors.ts'

/** An error as the server sends it. */
const sent = (code: string, more: Readonly<Record<string, string>> = {}): Error =>
  Object.assign(new Error(`of ${code}`), { code, severity: 'ERROR', ...more })

describe('trouble with the database', () => {
  it.each<[string, unknown]>([
    ['of a server that is read-only', sent('25006')],
    ['that is a plain object', { code: '25006', severity: 'ERROR' }],
    ['of a server that shuts down', sent('57P01', { severity: 'FATAL' })],
    ['of too many connections', sent('53300', { severity: 'FATAL' })],
    ['of a full disk', sent('53100')],
    ['of a lost connection', sent('08006')],
    ['of a pooler in front of the server', sent('XX000')],
    ['of a standby that takes over', sent('3D000')],
    ['of a password that is being changed', sent('28P01', { severity: 'FATAL' })],
    ['of a session that was idle too long', sent('25P03', { severity: 'FATAL' })],
    ['without a SQLSTATE', new Error('Connection terminated unexpectedly')],
    ['of the system', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })],
    ['that is nothing at all', undefined],
  ])('%s means that it can not be reached, and to come back', (_what, error) => {
    const said = asServiceError(error)
    expect(said).toBeInstanceOf(ServiceError)
    expect(said).toMatchObject({ code: 'database.unreachable', status: 503, cause: error })
    expect(Number((said as ServiceError).headers['Retry-After'])).toBeGreaterThan(0)
  })

  it.each(['42P01', '42703', '23505', '40001', '25001', '25P02', 'XX001', 'XX002'])(
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

  it('is not what a mistake of ours is', () => {
    for (const error of [
      new TypeError('x'),
      new RangeError('x'),
      new ReferenceError('x'),
      new SyntaxError('x'),
    ])
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

  it.each(['42P01', '25006', '57P01', '40001'])('is not what the server says by %s', (code) => {
    expect(refusal(sent(code, { constraint: 'odd' }))).toBeUndefined()
  })

  it('is nothing that did not come from the server', () => {
    expect(refusal(Object.assign(new Error('x'), { code: '23514' }))).toBeUndefined()
    expect(refusal(new Error('x'))).toBeUndefined()
    expect(refusal(undefined)).toBeUndefined()
  })
})

describe('what an error means', () => {
  it.each<[Meaning, readonly unknown[]]>([
    [
      'row',
      ['23514', '23502', '22001', '44000', '54000', 'P0001', '09000', '27000', '38001', '39P01'].map(
        (state) => sent(state),
      ),
    ],
    ['row', [sent('23505', { constraint: 'own_phone' })]],
    [
      'in the way',
      [
        sent('23505', { constraint: 'users_email' }),
        sent('23505'),
        sent('40001'),
        sent('40P01'),
        sent('55P03'),
        new RowMoved(),
      ],
    ],
    [
      'trouble',
      [
        sent('08006'),
        sent('25006'),
        sent('53300'),
        sent('57P01'),
        sent('58030'),
        sent('XX000'),
        unreachable('x'),
      ],
    ],
    [
      'give up',
      [
        sent('42P01'),
        sent('25P02'),
        sent('XX001'),
        sent('ABCDE'),
        new ServiceError('import.lost', 'x'),
        new TypeError('x'),
        undefined,
      ],
    ],
  ])('is %s', (meaning, errors) => {
    expect(errors.map(meaningOf)).toEqual(errors.map(() => meaning))
  })
})
