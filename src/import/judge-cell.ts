import { ValidationError, type Schema } from 'yup'
import type { ValueRule } from '../users/columns.ts'
import {
  controlCharacter,
  halfCharacter,
  invalidValue,
  misreadText,
  spreadsheetError,
  type Fault,
  type Wording,
} from '../users/faults.ts'
import { unguarded } from '../users/formula.ts'
import { meantBy } from '../users/misread.ts'
import type { ReadingOptions } from '../users/rules.ts'
import { hidesSomething, holdsHalfCharacter, trimmed } from '../users/text.ts'

const spreadsheetErrors = new Set(['#N/A', '#REF!', '#NAME?', '#VALUE!', '#DIV/0!', '#NUM!', '#NULL!'])

// Verdicts are remembered for columns of few values; one with more of them than this is not such a column.
const REMEMBERED = 2_000
const REMEMBERED_LENGTH = 64

/**
 * Judges the cells of one column, or the values of one property: the canonical value, `''` for a blank one, or what is
 * wrong with it.
 */
export class CellJudge {
  readonly rule: ValueRule
  readonly #options: ReadingOptions
  readonly #wording: Wording
  readonly #schema: Schema<string | undefined>
  readonly #remembered = new Map<string, string>()

  constructor(rule: ValueRule, options: ReadingOptions, wording: Wording) {
    this.rule = rule
    this.#options = options
    this.#wording = wording
    this.#schema = rule.schema(options)
  }

  judge(cell: string): string | Fault {
    if (this.rule.plain.test(cell)) return cell
    const remembered = this.#remembered.get(cell)
    if (remembered !== undefined) return remembered
    const judged = this.#judgeSlowly(cell)
    if (
      typeof judged === 'string' &&
      this.#remembered.size < REMEMBERED &&
      cell.length <= REMEMBERED_LENGTH
    ) {
      this.#remembered.set(cell, judged)
    }
    return judged
  }

  /** The fault of a cell that its rule refuses. */
  refused(cell: string, hint: string | undefined): Fault {
    const value = valueOf(cell)
    return invalidValue(this.rule, this.rule.offending?.(value) ?? value, hint)
  }

  #judgeSlowly(cell: string): string | Fault {
    const { name, lineBreaks, words } = this.rule
    const value = valueOf(cell)
    if (value === '') return value
    if (spreadsheetErrors.has(value)) return spreadsheetError(name, value, this.#wording)
    const meant = words === true ? meantBy(value) : undefined
    if (meant !== undefined) return misreadText(name, value, meant)
    if (hidesSomething(value, lineBreaks === true)) return controlCharacter(name, value)
    if (holdsHalfCharacter(value)) return halfCharacter(name, value)
    return this.rule.canonical?.(value, this.#options) ?? this.#cast(value)
  }

  #cast(value: string): string | Fault {
    try {
      return this.#schema.validateSync(value, { disableStackTrace: true }) ?? value
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error
      return this.refused(value, this.rule.hint?.(value, this.#options))
    }
  }
}

/** The value of a cell. The apostrophe is how spreadsheets, and our own export, keep a value from being a formula. */
const valueOf = (cell: string): string => unguarded(trimmed(cell))
