import type { Request } from 'express'
import { ServiceError } from '../errors.ts'
import type { AnswerOptions } from '../import/answer.ts'
import { columnNames, type ColumnName } from '../users/columns.ts'
import { isPhoneCountry } from '../users/phone-number.ts'
import type { ReadingOptions } from '../users/rules.ts'
import { cut } from '../users/text.ts'

/** The media types in which an import is answered, the preferred one first. */
export const answerTypes = ['text/csv', 'application/x-ndjson'] as const

/** What a request asks of an import. */
export interface ImportRequest {
  readonly answerType: (typeof answerTypes)[number]
  readonly answer: AnswerOptions
  readonly reading: Omit<ReadingOptions, 'today'>
  readonly clearBlanks: boolean
  readonly echoUnknown: boolean
  readonly columnMap: ReadonlyMap<ColumnName, string>
}

/** The values that each parameter takes; a function where they can't be listed. */
const parameters: Readonly<Record<string, readonly string[] | ((value: string) => boolean)>> = {
  dispositions: ['detailed'],
  only: ['invalid'],
  return: ['id'],
  unknown: ['echo'],
  blank: ['clear'],
  dates: ['dmy', 'mdy'],
  country: (value) => isPhoneCountry(value.toUpperCase()),
  map: (value) => columnNames.some((name) => value.startsWith(`${name}:`) && value.length > name.length + 1),
}

const notYet = ['dryRun', 'strict', 'async']

/** What a query may ask for. */
export const queryNames: readonly string[] = [...Object.keys(parameters), ...notYet]

/**
 * Reads what a request asks of an import, from everything but its body and what describes it.
 *
 * @throws ServiceError 400 or 406; nothing that was asked for is ever ignored
 */
export function readImportRequest(req: Request): ImportRequest {
  const answerType = acceptedType(req)
  checkPreferences(req.headers['prefer'])
  checkIdempotencyKey(req.headers['idempotency-key'])
  const query = checkedQuery(req)
  const country = query.get('country')?.toUpperCase()
  const dates = query.get('dates') as 'dmy' | 'mdy' | null
  return {
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

function acceptedType(req: Request): ImportRequest['answerType'] {
  // Parameters of a type, such as the charset that every answer has, leave the type on offer.
  req.headers.accept = req.headers.accept?.replace(/;(?!\s*q\s*=)[^;,]*/gi, '')
  const type = req.accepts([...answerTypes])
  if (type !== false) return type as ImportRequest['answerType']
  throw new ServiceError('accept.not_acceptable', `The answer can be had as ${answerTypes.join(' or ')}.`)
}

/** RFC 7240: a preference that is not known is ignored, but one that would change what is written is not. */
function checkPreferences(header: string | string[] | undefined): void {
  const preferences = [header ?? []].flat().join(',').split(',')
  for (const preference of preferences) {
    const [name = '', value = ''] = (preference.split(';')[0] ?? '').split('=').map((part) => part.trim())
    const asked = `${name}=${value.replaceAll('"', '')}`.toLowerCase()
    if (name.toLowerCase() !== 'respond-async' && !asked.startsWith('handling=')) continue
    if (asked === 'handling=lenient') continue
    const detail = `Prefer: ${cut(preference.trim())} is not taken; leave it out, and each row is imported on its own.`
    throw new ServiceError('request.preference', detail)
  }
}

function checkIdempotencyKey(header: string | string[] | undefined): void {
  if (header === undefined) return
  const detail = 'Idempotency-Key is not taken yet; leave it out: sending a file again is safe.'
  throw new ServiceError('request.idempotency_key', detail)
}

function checkedQuery(req: Request): URLSearchParams {
  const query = new URL(req.url, 'http://localhost').searchParams
  for (const name of new Set(query.keys())) {
    const values = query.getAll(name)
    if (values.length > 1 && name !== 'map') throw queryError(`?${cut(name)} stands there more than once.`)
    for (const value of values) checkParameter(name, value)
  }
  const mapped = query.getAll('map').map((mapping) => splitMapping(mapping)[0])
  if (new Set(mapped).size < mapped.length) throw queryError('?map gives a column more than once.')
  return query
}

function checkParameter(name: string, value: string): void {
  const accepted = Object.hasOwn(parameters, name) ? parameters[name] : undefined
  if (notYet.includes(name)) throw queryError(`?${name} is not taken yet; leave it out.`)
  if (accepted === undefined) {
    throw queryError(`?${cut(name)} is not known; known are ${Object.keys(parameters).join(', ')}.`)
  }
  const isAccepted = typeof accepted === 'function' ? accepted(value) : accepted.includes(value)
  if (!isAccepted) throw queryError(`?${name}=${cut(value)} is not taken; ${howTo(name, accepted)}.`)
}

function howTo(name: string, accepted: (typeof parameters)[string]): string {
  if (typeof accepted !== 'function')
    return `say ${accepted.map((value) => `?${name}=${value}`).join(' or ')}`
  return name === 'map'
    ? 'say ?map=COLUMN:HEADER, such as ?map=email:Work%20Email'
    : 'say a country of ISO 3166-1, such as ?country=DE'
}

const queryError = (detail: string): ServiceError => new ServiceError('request.query', detail)
