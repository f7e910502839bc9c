import type { Request } from 'express'
import { ServiceError } from '../errors.ts'
import type { AnswerOptions } from '../import/answer.ts'
import { columnNames, type ColumnName } from '../users/columns.ts'
import { isPhoneCountry } from '../users/phone-number.ts'
import type { ReadingOptions } from '../users/rules.ts'
import { cut } from '../users/text.ts'
import type { ImportMode } from '../receipts/receipt.ts'
import { answerTypes, type AnswerType } from './answer-text.ts'
import { idempotencyKeyOf } from './idempotency-key.ts'
import { queryError, queryOf, type Parameter } from './query.ts'
import { acceptedType } from './accept.ts'

/** What a request asks of an import. */
export interface ImportRequest {
  readonly mode: ImportMode
  /** Whether the caller does not wait for the answer. */
  readonly isAsync: boolean
  /** The caller's own name for this import, by which sending it again is safe. */
  readonly idempotencyKey: string | undefined
  /** All of this in one form, whatever its order; compared where an idempotency key is used again. */
  readonly fingerprint: string
  readonly answerType: AnswerType
  readonly answer: AnswerOptions
  readonly reading: Omit<ReadingOptions, 'today'>
  readonly clearBlanks: boolean
  readonly echoUnknown: boolean
  readonly columnMap: ReadonlyMap<ColumnName, string>
}

const parameters: Readonly<Record<string, Parameter>> = {
  dispositions: ['detailed'],
  only: ['invalid'],
  return: ['id'],
  unknown: ['echo'],
  blank: ['clear'],
  dates: ['dmy', 'mdy'],
  country: {
    accepts: (value) => isPhoneCountry(value.toUpperCase()),
    howTo: 'say a country of ISO 3166-1, such as ?country=DE',
  },
  dryRun: ['true', 'false'],
  strict: ['true', 'false'],
  async: ['true', 'false'],
  map: {
    accepts: (value) =>
      columnNames.some((name) => value.startsWith(`${name}:`) && value.length > name.length + 1),
    howTo: 'say ?map=COLUMN:HEADER, such as ?map=email:Work%20Email',
  },
}

/** The names of what a query may say. */
export const optionNames = Object.keys(parameters)

/**
 * Reads what a request asks of an import, from everything but its body.
 *
 * @throws ServiceError 400 or 406; nothing that was asked for is ever ignored
 */
export function readImportRequest(req: Request): ImportRequest {
  const answerType = acceptedType(req, answerTypes)
  const preferred = preferencesOf(req.headers['prefer'])
  const query = checkedQuery(req)
  const country = query.get('country')?.toUpperCase()
  const dates = query.get('dates') as 'dmy' | 'mdy' | null
  const isStrict = isAsked(query, 'strict', preferred.isStrict)
  const mode = query.get('dryRun') === 'true' ? 'dryRun' : isStrict ? 'strict' : 'each'
  return {
    mode,
    isAsync: isAsked(query, 'async', preferred.isAsync),
    idempotencyKey: idempotencyKeyOf(req.headersDistinct['idempotency-key']),
    fingerprint: fingerprintOf(query, mode, answerType),
    answerType,
    answer: {
      detailed: query.has('dispositions'),
      onlyInvalid: query.has('only'),
      returnId: query.has('return'),
    },
    reading: { ...(country === undefined ? {} : { country }), ...(dates === null ? {} : { dates }) },
    clearBlanks: query.has('blank'),
    echoUnknown: query.has('unknown'),
    columnMap: new Map(query.getAll('map').map(splitMapping)),
  }
}

function splitMapping(mapping: string): readonly [ColumnName, string] {
  const colon = mapping.indexOf(':')
  return [mapping.slice(0, colon) as ColumnName, mapping.slice(colon + 1)]
}

/** The query counts more than what is only preferred. */
const isAsked = (query: URLSearchParams, name: string, isPreferred: boolean): boolean =>
  query.has(name) ? query.get(name) === 'true' : isPreferred

/**
 * What a `Prefer` header asks (RFC 7240): a preference that is not known is ignored, but one that would change what is
 * written is not.
 */
export function preferencesOf(header: string | string[] | undefined): {
  isStrict: boolean
  isAsync: boolean
} {
  let handling: 'strict' | 'lenient' | undefined
  let isAsync = false
  for (const preference of [header ?? []].flat().join(',').split(',')) {
    const [name = '', value = ''] = (preference.split(';')[0] ?? '').split('=').map((part) => part.trim())
    const asked = value.replaceAll('"', '').toLowerCase()
    if (name.toLowerCase() === 'handling' && (asked === 'strict' || asked === 'lenient')) handling ??= asked
    else if (name.toLowerCase() === 'respond-async') isAsync = true
    else if (name.toLowerCase() === 'handling') {
      const detail = `Prefer: ${cut(preference.trim())} is not taken; say handling=strict, or leave it out, and each row is imported on its own.`
      throw new ServiceError('request.preference', detail)
    }
  }
  return { isStrict: handling === 'strict', isAsync }
}

function fingerprintOf(query: URLSearchParams, mode: ImportMode, answerType: AnswerType): string {
  // Who waits for the answer and who does not ask for the same import.
  const parameters = [...query].filter(([name]) => !['strict', 'dryRun', 'async'].includes(name))
  return JSON.stringify({
    mode,
    answerType,
    parameters: parameters.map(([name, value]) => `${name}=${value}`).sort(),
  })
}

function checkedQuery(req: Request): URLSearchParams {
  const query = queryOf(req, parameters, ['map'])
  const mapped = query.getAll('map').map((mapping) => splitMapping(mapping)[0])
  if (new Set(mapped).size < mapped.length) throw queryError('?map gives a column more than once.')
  return query
}
