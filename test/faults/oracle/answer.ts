import { parse } from 'csv-parse/sync'
import { hashText } from '../random.ts'
import { columns, type Upload, type UploadRow } from '../upload.ts'
import { Complaints, type Complaint } from './complaint.ts'
import { tellsTooMuch } from './secrets.ts'

/** What a client got. */
export interface Answer {
  /** 0 where not even that came. */
  readonly status: number
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly trailers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
  /** `complete` is what HTTP calls so; `hung` is that nothing more came, for longer than anything may take. */
  readonly ending: 'complete' | 'broken' | 'hung'
}

/** What is asked of an answer beyond what always is. */
export interface AnswerTerms {
  /** Whether nobody has imported any of it before. Default `true`. */
  readonly first?: boolean
  /** Whether a broken or refused answer is a fault. Default `false`. */
  readonly complete?: boolean
  /** Statuses with which it may be refused all the same, before the first row. Default none. */
  readonly refusedBy?: readonly number[]
  /** Whether `dispositions=detailed` was asked for. */
  readonly detailed?: boolean
  /** How many good rows the database itself may have refused. Default none. */
  readonly refusals?: number
  /** Whether others import the same users at the same time. */
  readonly contested?: boolean
}

/** What an answer says, row by row. Arrays are in the order of the keys, not of the file. */
export interface Reported {
  readonly complaints: readonly Complaint[]
  /** How many records were answered. */
  readonly answered: number
  /** 1 where the row was reported imported. */
  readonly imported: Uint8Array
  /** Of imported rows: a hash of the id that was told, 0 where none was. */
  readonly ids: Int32Array
  /** Rows that the database refused, in violation of nothing that the file says. */
  readonly refused: ReadonlySet<number>
  readonly counts: Readonly<Record<'imported' | 'invalid' | 'skipped', number>>
}

const REPLACEMENT = Buffer.from('\u{fffd}')
const LARGEST_PROBLEM = 2_000

/** Reads an answer to an upload and checks P1 to P6 and P13 of it. */
export function checkAnswer(upload: Upload, answer: Answer, terms: AnswerTerms = {}): Reported {
  const check = new AnswerCheck(upload, terms)
  if (answer.status === 200) check.body(answer)
  else check.refusal(answer)
  return check.reported
}

class AnswerCheck {
  readonly #upload: Upload
  readonly #terms: AnswerTerms
  readonly #complaints = new Complaints()
  readonly #imported: Uint8Array
  readonly #ids: Int32Array
  readonly #refused = new Set<number>()
  readonly #counts = { imported: 0, invalid: 0, skipped: 0 }
  #answered = 0

  constructor(upload: Upload, terms: AnswerTerms) {
    this.#upload = upload
    this.#terms = terms
    this.#imported = new Uint8Array(upload.rows)
    this.#ids = new Int32Array(upload.rows)
  }

  get reported(): Reported {
    return {
      complaints: this.#complaints.all,
      answered: this.#answered,
      imported: this.#imported,
      ids: this.#ids,
      refused: this.#refused,
      counts: this.#counts,
    }
  }

  refusal({ status, headers, body, ending }: Answer): void {
    const text = body.toString()
    const { complete = false, refusedBy = [] } = this.#terms
    if (complete && !refusedBy.includes(status))
      this.#complaints.add('complete', `answered ${status}, ${ending}: ${text.slice(0, 200)}`)
    if (status === 0) return
    const expected = [500, 503].includes(status) && (status === 500 || headers['retry-after'] !== undefined)
    if (!expected) this.#complaints.add('complete', `answered ${status}: ${text.slice(0, 200)}`)
    if (body.length > LARGEST_PROBLEM)
      this.#complaints.add('P13 no secret', `a refusal of ${body.length} bytes`)
    const told = tellsTooMuch(text)
    if (told !== undefined) this.#complaints.add('P13 no secret', `a refusal tells ${told}`)
  }

  body({ body, ending }: Answer): void {
    const complete = ending === 'complete'
    if (this.#terms.complete === true && !complete)
      this.#complaints.add('complete', `the answer was ${ending} after ${body.length} bytes`)
    if (body.includes(REPLACEMENT)) this.#complaints.add('P6 no U+FFFD', 'the answer has U+FFFD')
    const end = complete ? body.length : endOfRecords(body)
    const text = body.subarray(0, end)
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(text)
    } catch {
      this.#complaints.add('P5 strict CSV', 'the answer is not UTF-8')
    }
    this.#records(text)
    if (complete && this.#answered !== this.#upload.rows)
      this.#complaints.add(
        'P1 every record once',
        `a complete answer has ${this.#answered} of ${this.#upload.rows} records`,
      )
    if (this.#refused.size > (this.#terms.refusals ?? 0))
      this.#complaints.add('P4 disposition and errors', `${this.#refused.size} good rows were refused`)
  }

  /** Read one by one, so that an answer of 100 MB does not become a million arrays at once. */
  #records(text: Buffer): void {
    const { delimiter, lineEnd } = this.#upload
    let number = 0
    const on_record = (record: string[]): undefined => {
      if (number === 0) this.#header(record)
      else this.#record(record, number - 1)
      number += 1
      return undefined
    }
    const strict = { relax_quotes: false, relax_column_count: false, skip_empty_lines: false }
    try {
      parse(text, { ...strict, delimiter, record_delimiter: lineEnd, on_record })
    } catch (error) {
      this.#complaints.add('P5 strict CSV', error instanceof Error ? error.message : String(error))
    }
  }

  #header(record: readonly string[]): void {
    const expected = ['disposition', 'errors', ...columns]
    if (record.join() !== expected.join())
      this.#complaints.add('P1 every record once', `header ${record.join()}`)
  }

  #record([disposition = '', errors = '', ...cells]: readonly string[], position: number): void {
    if (position >= this.#upload.rows) {
      this.#complaints.add('P1 every record once', `record ${position + 2} was never sent`)
      return
    }
    this.#answered = position + 1
    const row = this.#upload.rowAt(position)
    const expected = this.#upload.row(row)
    const where = `row ${position + 2} (${expected.kind})`
    this.#cells(where, expected, disposition, cells)
    this.#disposition(where, row, expected, disposition, errors)
    const told = tellsTooMuch(errors)
    if (told !== undefined) this.#complaints.add('P13 no secret', `${where} tells ${told}`)
    if (!isImported(disposition)) return
    this.#imported[row] = 1
    if (cells[0] !== '') this.#ids[row] = hashText(cells[0] ?? '')
  }

  #cells(
    where: string,
    { kind, cells: sent }: UploadRow,
    disposition: string,
    cells: readonly string[],
  ): void {
    const wrong = sent.findIndex((cell, column) => cell !== '' && cell !== cells[column])
    if (wrong !== -1) {
      // a row that stands where another should be is out of order
      const moved = sent[1] !== cells[1] && sent[2] !== cells[2]
      const what = `${where}: ${columns[wrong]} is ${cells[wrong]}, not ${sent[wrong]}`
      this.#complaints.add(moved ? 'P2 in order' : 'P3 sent cells equal', what)
    }
    const filled = columns.filter((_, column) => sent[column] === '' && cells[column] !== '')
    const mayFill = this.#mayFill(kind, disposition)
    const surplus = filled.filter((name) => !mayFill.includes(name))
    if (surplus.length > 0)
      this.#complaints.add('P3 sent cells equal', `${where}: ${surplus.join()} came back filled`)
    const created = kind === 'new' && this.#terms.first !== false && this.#terms.contested !== true
    const missing = ['id', 'active', 'providerType'].filter(
      (name) => sent[columns.indexOf(name)] === '' && !filled.includes(name),
    )
    if (isImported(disposition) && created && missing.length > 0)
      this.#complaints.add('P3 sent cells equal', `${where}: ${missing.join()} of a new user came back blank`)
  }

  #mayFill(kind: string, disposition: string): readonly string[] {
    if (!isImported(disposition)) return []
    return kind === 'new' ? ['id', 'active', 'providerType'] : ['id']
  }

  #disposition(
    where: string,
    row: number,
    { kind, errors: expected }: UploadRow,
    disposition: string,
    errors: string,
  ): void {
    const family = isImported(disposition) ? 'imported' : disposition
    const wanted = kind === 'blank' ? 'skipped' : expected === undefined ? 'imported' : 'invalid'
    if (family === 'imported' || family === 'invalid' || family === 'skipped') this.#counts[family] += 1
    const refused = wanted === 'imported' && family === 'invalid' && errors.startsWith('Validation error: ')
    if (refused && (this.#terms.refusals ?? 0) > 0) {
      this.#refused.add(row)
      return
    }
    if (family !== wanted)
      this.#complaints.add('P4 disposition and errors', `${where} is ${disposition} ${errors}, not ${wanted}`)
    else if (expected === undefined ? errors !== '' : !errors.startsWith(expected))
      this.#complaints.add('P4 disposition and errors', `${where} says ${errors}, not ${expected ?? ''}`)
    if (family === 'imported') this.#detail(where, kind, disposition)
  }

  #detail(where: string, kind: string, disposition: string): void {
    const { detailed = false, first = true, contested = false } = this.#terms
    const once = { new: 'created', update: 'updated', 'by-id': 'updated', same: 'unchanged' }[kind] ?? ''
    const allowed = [once]
    if (!first || contested) allowed.push('unchanged')
    if (contested) allowed.push('updated')
    const said = detailed ? allowed : ['imported']
    if (!said.includes(disposition))
      this.#complaints.add(
        'P4 disposition and errors',
        `${where} is ${disposition}, not ${said.join(' or ')}`,
      )
  }
}

const isImported = (disposition: string): boolean =>
  ['imported', 'created', 'updated', 'unchanged'].includes(disposition)

const [QUOTE, CR, LF] = [0x22, 0x0d, 0x0a]

/** Where the last complete record of a broken answer ends. */
export function endOfRecords(body: Buffer): number {
  let [end, quoted] = [0, false]
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at]
    if (byte === QUOTE) quoted = !quoted
    else if (byte === LF && !quoted) end = at + 1
    else if (byte === CR && !quoted && body[at + 1] !== LF && at + 1 < body.length) end = at + 1
  }
  return end
}
