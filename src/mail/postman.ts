import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { LetterFailure } from '../receipts/letter.ts'
import type { Carrier, Mail } from './carrier.ts'
import { composeLetter } from './letter.ts'
import type { ClaimedLetter, LetterImport, LetterImports, Outbox } from './outbox.ts'
import { postmanTimes, type PostmanTimes } from './postman-times.ts'
import { asHtml, asText } from './render.ts'
import { Undelivered } from './undelivered.ts'

/** What a postman needs. */
export interface PostmanParts {
  readonly letters: Outbox
  readonly imports: LetterImports
  readonly carrier: Carrier
  /** The domain of message ids; the same in all processes. */
  readonly domain: string
  /** The address of an import's receipt. */
  readonly link: (about: LetterImport) => string
  readonly log: Pick<Logger, 'info' | 'warn'>
  /** Default {@link postmanTimes}. */
  readonly times?: Partial<PostmanTimes>
}

/** Sends the letters that wait in the outbox, beside those of other processes. */
export interface Postman {
  start(): void
  /** Looks for letters at once. */
  wake(): void
  /** Takes no more letters; gives those under way `patience` milliseconds, by default 5,000, and then breaks off. */
  stop(patience?: number): Promise<void>
}

/** Makes a postman. */
export function createPostman(parts: PostmanParts): Postman {
  return new Round(parts)
}

// What is broken off still has to be marked.
const LAST_MARKS = 1_000

class Round implements Postman {
  readonly #parts: PostmanParts
  readonly #times: PostmanTimes
  readonly #underWay = new Set<Promise<void>>()
  readonly #stopping = new AbortController()
  #running = false
  #round: Promise<void> = Promise.resolve()
  #inTrouble = false
  #wake: () => void = () => undefined
  #woken = false

  constructor(parts: PostmanParts) {
    this.#parts = parts
    this.#times = { ...postmanTimes, ...parts.times }
  }

  start(): void {
    if (this.#running || this.#stopping.signal.aborted) return
    this.#running = true
    this.#round = this.#goRound()
  }

  wake(): void {
    this.#woken = true
    this.#wake()
  }

  async stop(patience = 5_000): Promise<void> {
    this.#running = false
    this.wake()
    const ended = this.#round.then(() => Promise.all(this.#underWay))
    await within(patience, ended)
    this.#stopping.abort(new Undelivered('mail.stopped'))
    await within(LAST_MARKS, ended)
  }

  async #goRound(): Promise<void> {
    while (this.#running) {
      this.#woken = false
      const free = this.#times.atOnce - this.#underWay.size
      const claimed = free > 0 ? await this.#claim(free) : []
      for (const letter of claimed) this.#take(letter)
      if (claimed.length < free) await this.#pause()
      else await Promise.race(this.#underWay)
    }
  }

  async #claim(limit: number): Promise<readonly ClaimedLetter[]> {
    const { letters, domain, log } = this.#parts
    try {
      const claimed = await letters.claim({ limit, lease: this.#times.lease, domain })
      this.#inTrouble = false
      return claimed
    } catch (error) {
      if (!this.#inTrouble) log.warn({ err: error }, 'letters can not be read now; they wait')
      this.#inTrouble = true
      return []
    }
  }

  #take(letter: ClaimedLetter): void {
    const delivery = this.#deliver(letter).finally(() => this.#underWay.delete(delivery))
    this.#underWay.add(delivery)
  }

  async #pause(): Promise<void> {
    if (this.#woken) return
    const asleep = new AbortController()
    this.#wake = () => {
      asleep.abort()
    }
    await setTimeout(this.#times.look, undefined, { signal: asleep.signal }).catch(() => undefined)
  }

  /** Never rejects: what can't be marked is tried again when its lease has ended. */
  async #deliver(letter: ClaimedLetter): Promise<void> {
    const { organizationId, importId, kind, attempts, messageId } = letter
    const about = { organizationId, importId, kind, attempts, messageId }
    const began = performance.now()
    try {
      await this.#attempt(letter)
    } catch (error) {
      const undelivered =
        error instanceof Undelivered ? error : new Undelivered('mail.internal', { cause: error })
      await this.#keep({ ...letter, age: letter.age + performance.now() - began }, undelivered, about)
      return
    }
    await this.#marked(about, () => this.#parts.letters.sent(letter))
    this.#parts.log.info(about, 'a letter was sent')
  }

  /** @throws Undelivered, or whatever kept the letter from being written */
  async #attempt(letter: ClaimedLetter): Promise<void> {
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(this.#times.attempt)])
    const { imports, carrier, link } = this.#parts
    const about = await imports.read({ organizationId: letter.organizationId, id: letter.importId }, signal)
    if (about === undefined) throw new Undelivered('mail.unknown_import', { forGood: true })
    await carrier.carry(mailOf(letter, about, link(about)), signal)
  }

  async #keep(letter: ClaimedLetter, error: Undelivered, about: object): Promise<void> {
    const { letters, log } = this.#parts
    const left = this.#times.patience - letter.age
    if (error.forGood || left <= 0) {
      const failure = error.forGood ? error.failure : afterAll(error.failure)
      log.warn({ ...about, err: error }, 'a letter is not sent, and not tried again')
      return this.#marked(about, () => letters.giveUp(letter, failure))
    }
    log.warn({ ...about, err: error }, 'a letter could not be sent; it is tried again')
    return this.#marked(about, () => letters.postpone(letter, error.failure, this.#pauseAfter(letter, left)))
  }

  /** The last attempt is made when patience ends, not before. */
  #pauseAfter({ attempts }: ClaimedLetter, left: number): number {
    const { pauses } = this.#times
    const pause = pauses[Math.min(attempts, pauses.length) - 1] ?? 0
    return Math.min(pause * (0.8 + 0.4 * Math.random()), left)
  }

  async #marked(about: object, mark: () => Promise<void>): Promise<void> {
    try {
      await mark()
    } catch (error) {
      this.#parts.log.warn({ ...about, err: error }, 'what became of a letter could not be noted')
    }
  }
}

const afterAll = ({ code, detail }: LetterFailure): LetterFailure => ({
  code,
  detail: `${detail.replace(/\.$/, '')}: it was tried for a day.`,
})

function mailOf(letter: ClaimedLetter, about: LetterImport, link: string): Mail {
  const { recipient, messageId, kind } = letter
  const written = composeLetter({ ...about, kind, link })
  return {
    recipient,
    messageId,
    date: new Date(),
    subject: written.subject,
    text: asText(written),
    html: asHtml(written),
  }
}

async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  const timer = new AbortController()
  await Promise.race([
    work,
    setTimeout(milliseconds, undefined, { signal: timer.signal }).catch(() => undefined),
  ])
  timer.abort()
}
