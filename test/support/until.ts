import { setTimeout } from 'node:timers/promises'

/**
 * Far more than any machine needs, however slow it is and whatever else it does: it only keeps a test from hanging, and
 * nothing is measured by it. Less than the minute after which the service by itself ends connections that are silent.
 */
export const PATIENCE = 45_000

/** Waits until something is so. */
export async function until(isSo: () => boolean | Promise<boolean>, patience = PATIENCE): Promise<void> {
  const end = Date.now() + patience
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`Waited in vain until ${isSo.toString()}`)
    await setTimeout(5)
  }
}

/** What comes of something that must come to an end. */
export async function inTime<T>(work: Promise<T>, patience = 30_000): Promise<T> {
  const leaving = new AbortController()
  const late = setTimeout(patience, undefined, { signal: leaving.signal }).then(() => {
    throw new Error('Waited in vain: it does not end.')
  })
  late.catch(() => undefined)
  try {
    return await Promise.race([work, late])
  } finally {
    leaving.abort()
  }
}
