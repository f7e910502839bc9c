import type { Request } from 'express'
import { ServiceError } from '../errors.ts'
import { cut } from '../users/text.ts'

/** The values that a parameter takes; where they can't be listed, a rule, and what to say in place of others. */
export type Parameter =
  readonly string[] | { readonly accepts: (value: string) => boolean; readonly howTo: string }

/**
 * Reads the query string of a request.
 *
 * @param parameters - all that are known
 * @param repeatable - those that may stand there more than once
 * @throws ServiceError `request.query` For any other parameter or value: nothing that was asked for is ignored
 */
export function queryOf(
  req: Request,
  parameters: Readonly<Record<string, Parameter>>,
  repeatable: readonly string[] = [],
): URLSearchParams {
  const query = new URL(req.url, 'http://localhost').searchParams
  for (const name of new Set(query.keys())) {
    const values = query.getAll(name)
    if (values.length > 1 && !repeatable.includes(name)) {
      throw queryError(`?${cut(name)} stands there more than once.`)
    }
    const parameter = Object.hasOwn(parameters, name) ? parameters[name] : undefined
    if (parameter === undefined) throw queryError(`?${cut(name)} is not known; ${knownOf(parameters)}.`)
    for (const value of values) checkValue(name, value, parameter)
  }
  return query
}

function knownOf(parameters: Readonly<Record<string, Parameter>>): string {
  const names = Object.keys(parameters)
  if (names.length === 1) return `known is only ?${names.join('')}`
  return names.length === 0 ? 'no parameter is' : `known are ${names.join(', ')}`
}

function checkValue(name: string, value: string, parameter: Parameter): void {
  const isListed = 'howTo' in parameter ? parameter.accepts(value) : parameter.includes(value)
  if (isListed) return
  const howTo =
    'howTo' in parameter
      ? parameter.howTo
      : `say ${parameter.map((listed) => `?${name}=${listed}`).join(' or ')}`
  throw queryError(`?${name}=${cut(value)} is not taken; ${howTo}.`)
}

/** A query string that can't be followed. */
export const queryError = (detail: string): ServiceError => new ServiceError('request.query', detail)

/** The path of a request, without the slash that may stand at its end. */
export const pathOf = (req: Request): string => `${req.baseUrl}${req.path}`.replace(/\/+$/, '')
