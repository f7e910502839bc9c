const dateTime = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,20}))?(Z|[+-]\d{2}:\d{2})?$/i

/**
 * Reads a date-time of RFC 3339; without an offset it is UTC. The day must exist, in the years 1 to 9999. A leap second,
 * which can only be the last second of June or December in UTC, is the second after it. What is finer than milliseconds
 * is left out.
 *
 * @returns the moment, or `undefined` where it is none
 */
export function readDateTime(text: string): Date | undefined {
  const [, year, month, day, hour, minute, second, fraction = '', offset = 'Z'] = dateTime.exec(text) ?? []
  if (year === undefined) return undefined
  const date = new Date(0)
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  const dayExists = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day)
  const minutes = offsetMinutes(offset)
  if (!dayExists || minutes === undefined || Number(hour) > 23 || Number(minute) > 59) return undefined
  date.setUTCHours(Number(hour), Number(minute) - minutes, Math.min(Number(second), 59))
  if (Number(second) === 60 ? !isBeforeLeap(date) : Number(second) > 60) return undefined
  if (Number(second) === 60) date.setUTCSeconds(60)
  else date.setUTCMilliseconds(Number(fraction.slice(0, 3).padEnd(3, '0')))
  return date.getUTCFullYear() >= 1 && date.getUTCFullYear() <= 9999 ? date : undefined
}

/** How far the offset is ahead of UTC. */
function offsetMinutes(offset: string): number | undefined {
  if (offset.length === 1) return 0
  const [hours, minutes] = [Number(offset.slice(1, 3)), Number(offset.slice(4))]
  if (hours > 23 || minutes > 59) return undefined
  return (hours * 60 + minutes) * (offset.startsWith('-') ? -1 : 1)
}

function isBeforeLeap(second: Date): boolean {
  return /-(?:06-30|12-31)T23:59:59/.test(second.toISOString())
}
