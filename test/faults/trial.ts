import { setTimeout } from 'node:timers/promises'
import { post, type PostOptions } from './client.ts'
import type { Lab, Run } from './lab.ts'
import { checkAnswer, type Answer, type AnswerTerms } from './oracle/answer.ts'
import type { Complaint } from './oracle/complaint.ts'
import { checkBeginning, checkCleanRun, checkKept, checkResultIsStored } from './oracle/import.ts'
import { checkReceipt, checkReplay, checkTrailers } from './oracle/receipt.ts'
import { readTable, type Found } from './oracle/table.ts'
import { endedReceipt, receiptOfKey, resultOf, type Receipt } from './receipts.ts'
import { Upload, type UploadOptions } from './upload.ts'

/** What breaks, and what is asked of the service all the same. */
export interface Trial {
  readonly upload?: Partial<UploadOptions>
  readonly options?: PostOptions
  /** What the answer must be, told once what broke is mended; by default it may be broken off. */
  readonly terms?: () => AnswerTerms
  /** Called when the upload has begun. */
  readonly during?: (answered: Promise<Answer>) => Promise<void>
  /**
   * Called when the answer has ended: mends what broke, so that the service can work again.
   *
   * @returns a time of the database before which all connections of the service were lost, if they were
   */
  readonly mend?: () => Promise<string | undefined>
  /** How many records were sent whole. Default all. */
  readonly sent?: (upload: Upload) => number
  /** Whether the process was killed: others notice only after a while that its imports are aborted. */
  readonly killed?: boolean
}

const RECEIPT_MILLISECONDS = 60_000
const ORPHAN_MILLISECONDS = 120_000
// Backing off takes a few seconds; who never noticed gives up after half a minute.
const RECOVERY_MILLISECONDS = 25_000
const SOON = 300
// More questions than an upload takes steps until its import can be seen: each lets it get on by one at least.
const STEPS = 20

/** A new upload of a run. */
export function uploadOf(lab: Lab, { random, number }: Run, options: Partial<UploadOptions> = {}): Upload {
  const seed = random.between(1, 2 ** 31)
  const tag = `${lab.mark}${number}x${seed.toString(36)}`
  return new Upload({ seed, tag, rows: random.between(...lab.rows), ...options })
}

/** Imports a file while something breaks, sends it again, and checks all that always holds. */
export async function tryOut(lab: Lab, run: Run, trial: Trial): Promise<Answer> {
  const detailed = run.random.between(0, 1) === 1
  const upload = uploadOf(lab, run, trial.upload)
  const key = `key-${upload.options.tag}`
  const importing = new Importing(lab, run, upload, () => ({ detailed, ...trial.terms?.() }))
  await lab.stand.database.seed(upload.seeded())

  const options = { detailed, key, ...trial.options }
  const started = performance.now()
  const posting = post(lab.stand.target, upload, options)
  const breaking = trial.during?.(posting).then(() => performance.now())
  const answered = posting.then(() => performance.now())
  const [answer, ended, over] = await Promise.all([posting, answered, breaking])
  lab.tally.longest = Math.max(lab.tally.longest, ended - started)
  importing.inTime(ended - (over ?? started))
  const lost = await trial.mend?.()
  await lab.stand.healthy()

  const sent = trial.sent?.(upload) ?? upload.rows
  await importing.judge(answer, { sent, lost, key, killed: trial.killed === true })
  await importing.again(answer, trial.killed === true ? undefined : key)
  importing.say(lab.stand.checkLog())
  return answer
}

interface Circumstances {
  readonly sent: number
  readonly lost: string | undefined
  readonly key: string
  readonly killed: boolean
}

class Importing {
  readonly #lab: Lab
  readonly #run: Run
  readonly #upload: Upload
  readonly #termsNow: () => AnswerTerms
  #receipt: Receipt | undefined

  constructor(lab: Lab, run: Run, upload: Upload, terms: () => AnswerTerms) {
    this.#lab = lab
    this.#run = run
    this.#upload = upload
    this.#termsNow = terms
  }

  get #terms(): AnswerTerms {
    return this.#termsNow()
  }

  say(complaints: readonly Complaint[]): void {
    this.#lab.tally.complain(this.#run.where, complaints)
  }

  /** Checks how long, in milliseconds, an answer took when all was well again. */
  inTime(milliseconds: number): void {
    if (milliseconds < RECOVERY_MILLISECONDS) return
    const what = `the answer came ${(milliseconds / 1_000).toFixed(1)} s after all was well again`
    this.say([{ property: 'complete', what }])
  }

  /** Checks the first answer, and what is in the database now. */
  async judge(answer: Answer, { sent, lost, key, killed }: Circumstances): Promise<void> {
    const { stand, tally } = this.#lab
    if (!killed && (answer.status !== 200 || answer.ending !== 'complete')) await this.#settle(key)
    this.say(await stand.leftovers(lost))
    const reported = checkAnswer(this.#upload, answer, this.#terms)
    const found = await readTable(stand.database.pages(), this.#upload)
    const kept = checkKept([reported], found)
    tally.runs += 1
    tally.sent += this.#upload.rows
    tally.reported += kept.reported
    tally.found += kept.found
    tally.doubled += found.doubled
    tally.ended(answer)
    this.say([...reported.complaints, ...found.complaints, ...kept.complaints])
    this.say(checkTrailers(answer, reported))
    await this.#judgeReceipt(answer, { found, key, killed, sent })
  }

  async #judgeReceipt(
    answer: Answer,
    { found, key, killed, sent }: { found: Found; key: string; killed: boolean; sent: number },
  ): Promise<void> {
    const id = answer.headers['import-id'] ?? (await receiptOfKey(this.#lab.stand.target, key))?.id
    if (id === undefined) {
      this.say(checkBeginning(this.#upload, found, { sent: 0, refused: new Set() }))
      return
    }
    this.#receipt = await endedReceipt(this.#lab.stand.target, id, killed ? SOON : RECEIPT_MILLISECONDS)
    const compare = async (): Promise<void> => {
      this.#receipt = await endedReceipt(this.#lab.stand.target, id, ORPHAN_MILLISECONDS)
      await this.#compare(answer, found, this.#receipt, id, sent)
    }
    if (!killed && this.#receipt?.state === 'running') {
      const what = 'its answer has ended, and it still runs a minute later'
      this.say([{ property: 'receipt', what }])
    }
    if (killed && this.#receipt?.state === 'running') this.#lab.deferred.push(compare)
    else await compare()
  }

  async #compare(
    answer: Answer,
    found: Found,
    receipt: Receipt | undefined,
    id: string,
    sent: number,
  ): Promise<void> {
    const result = await resultOf(this.#lab.stand.target, id)
    // an aborted import's result ends cleanly, and is a beginning all the same
    const ending = receipt?.state === 'finished' ? result.ending : 'broken'
    const reported = checkAnswer(this.#upload, { ...result, ending }, { ...this.#terms, complete: false })
    this.say([...reported.complaints, ...checkReceipt({ answer, receipt, result, reported })])
    this.say(checkResultIsStored(this.#upload, reported, found))
    this.say(checkBeginning(this.#upload, found, { sent, refused: reported.refused }))
  }

  /** An import whose client has gone ends after its batch: waits until it has. */
  async #settle(key: string): Promise<void> {
    const { stand } = this.#lab
    const id = await this.#begun(key)
    if (id !== undefined) await endedReceipt(stand.target, id, RECEIPT_MILLISECONDS)
    let [count, before] = [await stand.database.count(), -1]
    while (count !== before) {
      await setTimeout(100)
      before = count
      count = await stand.database.count()
    }
  }

  /** The id of the import, if there is one: of a client who has gone the service may still have to read what he sent. */
  async #begun(key: string): Promise<string | undefined> {
    for (let step = 0; step < STEPS; step += 1) {
      const receipt = await receiptOfKey(this.#lab.stand.target, key)
      if (receipt !== undefined) return receipt.id
    }
    return undefined
  }

  /** Sends the file again, and checks P9: with the same key, if there is one, and without. */
  async again(first: Answer, key: string | undefined): Promise<void> {
    if (key !== undefined) await this.#withKey(first, key)
    if (key === undefined || this.#receipt?.state === 'finished') await this.#resend(undefined)
    const found = await readTable(this.#lab.stand.database.pages(), this.#upload)
    this.say([...found.complaints, ...checkCleanRun(this.#upload, found)])
  }

  /** A finished import is replayed, an aborted one has freed its key. */
  async #withKey(first: Answer, key: string): Promise<void> {
    const { target } = this.#lab.stand
    const id = this.#receipt?.id
    if (id === undefined || this.#receipt?.state !== 'finished') {
      await this.#resend(key)
      return
    }
    const again = await post(target, this.#upload, { key, detailed: this.#terms.detailed === true })
    const whole = first.status === 200 && first.ending === 'complete'
    this.say(checkReplay(whole ? first : await resultOf(target, id), again))
  }

  async #resend(key: string | undefined): Promise<void> {
    const { stand } = this.#lab
    const options = { detailed: this.#terms.detailed === true, ...(key === undefined ? {} : { key }) }
    const answer = await post(stand.target, this.#upload, options)
    const { detailed = false } = this.#terms
    const reported = checkAnswer(this.#upload, answer, { detailed, first: false, complete: true })
    this.say(reported.complaints.map(({ property, what }) => ({ property, what: `sent again: ${what}` })))
  }
}
