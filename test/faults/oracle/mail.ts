import type { Got } from '../background/letters.ts'
import { Complaints, type Complaint } from './complaint.ts'

/** What became of the letters about a number of imports. */
export interface Mail {
  readonly complaints: readonly Complaint[]
  /** Imports about which a letter came. */
  readonly sent: number
  readonly lost: number
  /** Letters that came though they had come before. */
  readonly doubled: number
}

/** Of an import: where its receipt is found, and where its letter has to go. */
export interface Awaited {
  /** One by the id that its caller gave, one by the id that the service gave; the letter may have either. */
  readonly paths: readonly string[]
  readonly recipient: string
}

/** When something was broken, by the same clock as the letters. */
export type Broken = readonly [from: number, to: number]

/**
 * Checks that about each import a letter came, and no other but where something broke between a letter and the same
 * letter, which has the same Message-ID then.
 */
export function checkMail(awaited: readonly Awaited[], got: readonly Got[], broken: readonly Broken[]): Mail {
  const complaints = new Complaints()
  const letters = new Map<string, Got[]>()
  for (const letter of got) letters.set(letter.about, [...(letters.get(letter.about) ?? []), letter])
  const ids = new Map<string, string>()
  let [sent, doubled] = [0, 0]
  for (const { paths, recipient } of awaited) {
    const [location = ''] = paths
    const about = paths.flatMap((path) => letters.get(path) ?? []).sort((one, other) => one.at - other.at)
    for (const path of paths) letters.delete(path)
    if (about.length > 0) sent += 1
    else complaints.add('complete', `no letter came about ${location}`)
    doubled += Math.max(0, about.length - 1)
    about.forEach((letter, index) => {
      if (letter.to.join() !== recipient) complaints.add('receipt', `a letter went to ${letter.to.join()}`)
      const owner = ids.get(letter.messageId) ?? location
      ids.set(letter.messageId, location)
      const before = about[index - 1]
      if (owner !== location || (before !== undefined && before.messageId !== letter.messageId))
        complaints.add('idempotency', `${letter.messageId} about ${location} is no letter's own`)
      if (before !== undefined && !broken.some(([from, to]) => to >= before.at && from <= letter.at))
        complaints.add('idempotency', `a letter about ${location} came twice though nothing broke`)
    })
  }
  for (const about of letters.keys()) complaints.add('receipt', `a letter came about ${about}`)
  return { complaints: complaints.all, sent, lost: awaited.length - sent, doubled }
}
