import type { BodyFault } from '../errors.ts'
import { hidesSomething, holdsHalfCharacter, isBlank, isUpTo } from '../users/text.ts'
import { readDateTime } from './date-time.ts'
import { typeOf } from './json-types.ts'
import type { Scalar } from './json-parser.ts'

/** What an import of members says of itself. */
export interface MembersEnvelope {
  /** The caller's own id of the import, 1 to 200 characters. */
  readonly id: string
  readonly importDate: Date
  readonly importFilename: string
  readonly importingUserId: string
  readonly organizationId: number
}

/** What a value of the envelope comes to, or what is wrong with it. */
type Read<T> = { readonly value: T } | { readonly fault: Omit<BodyFault, 'pointer'> }

type Readers = {
  readonly [K in keyof MembersEnvelope]: (value: Scalar, organizationId: number) => Read<MembersEnvelope[K]>
}

/** The properties of the envelope beside `newMembers`, in the order of the contract. */
export const envelopeReaders: Readers = {
  id: (value) => {
    const read = text(200)(value)
    return value === '.' || value === '..'
      ? faulty('characters', 'must not be . or .., which no link can hold')
      : read
  },
  importDate: (value) => {
    if (typeof value !== 'string') return wrongType('a string', value)
    const moment = readDateTime(value)
    if (moment !== undefined) return { value: moment }
    return faulty('date_time', 'must be a date-time of RFC 3339 that exists, such as 2026-05-04T10:15:00Z')
  },
  importFilename: text(255),
  importingUserId: text(255),
  organizationId: (value, expected) => {
    if (typeof value !== 'number') return wrongType('an integer', value)
    if (value === expected) return { value: expected }
    const isInt32 = value === (value | 0)
    if (!isInt32) return faulty('integer', 'must be an integer of 32 bits')
    return faulty('organization', `must be ${expected}, the organization of the path`)
  },
}

function text(limit: number): (value: Scalar) => Read<string> {
  return (value) => {
    if (typeof value !== 'string') return wrongType('a string', value)
    if (isBlank(value)) return faulty('length', `must have 1 to ${limit} characters, but is blank`)
    if (!isUpTo(limit, value)) return faulty('length', `must have 1 to ${limit} characters, but has more`)
    if (hidesSomething(value, false))
      return faulty('characters', 'must not hold control characters or bidirectional overrides')
    if (holdsHalfCharacter(value))
      return faulty('characters', 'must not hold half of a surrogate pair, such as \\ud83d alone')
    return { value }
  }
}

const faulty = (code: string, detail: string): Read<never> => ({ fault: { code, detail } })

const wrongType = (wanted: string, value: Scalar): Read<never> =>
  faulty('type', `must be ${wanted}, but is ${typeOf(value)}`)
