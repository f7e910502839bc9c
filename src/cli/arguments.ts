import { parseArgs, type ParseArgsConfig } from 'node:util'

/** A command was called in a way that makes no sense. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/**
 * Takes the arguments of a command apart.
 *
 * @throws UsageError In one sentence, if they do not fit
 */
export function parsed<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config)
  } catch (error) {
    // node says what is wrong in its first sentence, and goes on about positional arguments
    const [sentence = 'wrong usage'] = (error as Error).message.split(/\.\s/)
    throw new UsageError(sentence.replace(/\s+/g, ' '))
  }
}

const secondsIn: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/**
 * The seconds of a time such as `12h`.
 *
 * @throws UsageError If it is none, or longer than 366 days
 */
export function secondsOf(duration: string): number {
  const [, count, unit = ''] = /^(\d{1,9})([smhd])$/.exec(duration) ?? []
  const seconds = Number(count) * (secondsIn[unit] ?? NaN)
  if (seconds >= 1 && seconds <= 366 * 86_400) return seconds
  throw new UsageError('--expires must be a time such as 90s, 30m, 12h or 7d, and at most 366d')
}
