import type { ReadingOptions } from './rules.ts'

const months = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ')
const monthNames =
  'january february march april may june july august september october november december'.split(' ')

interface YearMonthDay {
  readonly year: string
  readonly month: number
  readonly day: number
}

type Form = (value: string, options: ReadingOptions) => YearMonthDay | undefined

function form(
  pattern: RegExp,
  order: (options: ReadingOptions) => readonly [number, number, number] | undefined,
): Form {
  return (value, options) => {
    const match = pattern.exec(value)
    const places = match === null ? undefined : order(options)
    if (match === null || places === undefined) return undefined
    const [year, month, day] = places.map((place) => match[place] ?? '')
    return { year: year ?? '', month: monthNumber(month ?? ''), day: Number(day) }
  }
}

function monthNumber(month: string): number {
  if (/^\d/.test(month)) return Number(month)
  const name = month.toLowerCase()
  const index = monthNames.indexOf(name)
  return (index === -1 ? months.indexOf(name) : index) + 1
}

const yearFirst = (): readonly [number, number, number] => [1, 2, 3]
const dayFirst = (): readonly [number, number, number] => [3, 2, 1]
const asSaid = ({ dates }: ReadingOptions): readonly [number, number, number] | undefined => {
  if (dates === undefined) return undefined
  return dates === 'dmy' ? [3, 2, 1] : [3, 1, 2]
}

const forms: readonly Form[] = [
  form(
    /^(\d{4})-(\d{2})-(\d{2})(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?\s?(?:Z|[+-](?:0\d|1[0-4]):?[0-5]\d)?)?$/i,
    yearFirst,
  ),
  form(/^(\d{4})\/(\d{1,2})\/(\d{1,2})$/, yearFirst),
  form(/^(\d{1,2})\.(\d{1,2})\.(\d{4})$/, dayFirst),
  form(/^(\d{1,2})-([a-z]{3,9})-(\d{4})$/i, dayFirst),
  form(/^(\d{1,2})\/(\d{1,2})\/(\d{4})$/, asSaid),
]

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return [4, 6, 9, 11].includes(month) ? 30 : 31
}

const exists = ({ year, month, day }: YearMonthDay): boolean =>
  month >= 1 && month <= 12 && day >= 1 && day <= daysIn(Number(year), month)

const twoDigits = (number: number): string => String(number).padStart(2, '0')

/**
 * OpenID Connect's birthdate, `YYYY-MM-DD` (year `0000` when it is withheld) or `YYYY`; `undefined` for a
 * day that does not exist or has not come. The date of an ISO date-time is taken as it stands: moving it to
 * another time zone could make it the day before.
 */
export function canonicalBirthdate(value: string, options: ReadingOptions): string | undefined {
  if (value.length > 40) return undefined
  if (/^\d{4}$/.test(value)) return value !== '0000' && value <= options.today.slice(0, 4) ? value : undefined
  for (const read of forms) {
    const date = read(value, options)
    if (date === undefined) continue
    const iso = `${date.year}-${twoDigits(date.month)}-${twoDigits(date.day)}`
    return exists(date) && iso <= options.today ? iso : undefined
  }
  return undefined
}

const slashed = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/

/** How to mend a date that was refused, where the cause is plain. */
export function birthdateHint(value: string, options: ReadingOptions): string | undefined {
  const parts = slashed.exec(value)
  if (parts !== null) return orderHint(value, Number(parts[1]), Number(parts[2]), options)
  const serial = /^([1-9]\d{4})(?:[.,]\d+)?$/.exec(value)?.[1]
  if (serial !== undefined) return serialHint(Number(serial), options)
  const likely = value.replace(/^(\d{4})(?:-(\d{1,2})-(\d{1,2})|(\d{2})(\d{2}))$/, '$1/$2$4/$3$5')
  const iso = likely === value ? undefined : canonicalBirthdate(likely, options)
  return iso === undefined ? undefined : `write it as ${iso}`
}

/** Whether the day or the month comes first must be said, unless only one of the two can be. */
function orderHint(
  value: string,
  first: number,
  second: number,
  options: ReadingOptions,
): string | undefined {
  const isRead = (dates: 'dmy' | 'mdy'): boolean =>
    canonicalBirthdate(value, { ...options, dates }) !== undefined
  const { dates } = options
  if (first > 12 && isRead('dmy')) return 'the day comes first: ask for the import with ?dates=dmy'
  if (second > 12 && isRead('mdy')) return 'the month comes first: ask for the import with ?dates=mdy'
  if (dates !== undefined) return undefined
  return 'day or month first? ask for the import with ?dates=dmy or ?dates=mdy'
}

/** Spreadsheets count days from 1899-12-30, so that the day 60, which never was, makes up for 1900. */
function serialHint(days: number, { today }: ReadingOptions): string | undefined {
  const date = new Date(Date.UTC(1899, 11, 30) + days * 86_400_000).toISOString().slice(0, 10)
  if (date > today) return undefined
  return `a spreadsheet's number for a day, likely ${date}: format the column as YYYY-MM-DD`
}
