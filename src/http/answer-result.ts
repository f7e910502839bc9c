import type { Response } from 'express'
import type { StoredChunk } from '../receipts/chunk.ts'
import type { Counts } from '../receipts/counts.ts'
import type { Receipt } from '../receipts/receipt.ts'
import { answerText, outcomeOf, type AnswerWish } from './answer-text.ts'
import { streamAnswer } from './stream-answer.ts'

/** A result that is to be sent. */
export interface ResultToSend {
  /** As it is known with the first chunk: good enough to tell the status. */
  readonly receipt: Pick<Receipt, 'kind' | 'form' | 'mode' | 'refused'>
  /** The chunks, and at their end the counts of the import. */
  readonly chunks: AsyncGenerator<StoredChunk, Counts>
  readonly wish: AnswerWish
  /** Given when the client has gone. */
  readonly gone: AbortSignal
  /** Further header fields. */
  readonly headers?: Readonly<Record<string, string>>
  /** Default: 422 for a strict import that was refused, else 200. */
  readonly status?: number
}

const delimiterNames: Readonly<Record<string, string>> = {
  ',': 'comma',
  ';': 'semicolon',
  '\t': 'tab',
  '|': 'pipe',
}

/** Sends the result of an import, as it was first answered or as it would have been. */
export async function answerResult(
  res: Response,
  { receipt, chunks, wish, gone, headers, status }: ResultToSend,
): Promise<void> {
  const { kind, form, mode, refused } = receipt
  const text = answerText(form, outcomeOf(receipt), wish)
  res.status(status ?? (refused ? 422 : 200)).set({
    'Content-Type': text.mediaType,
    'Content-Disposition': `attachment; filename="${kind}.result.${text.extension}"`,
    'Cache-Control': 'no-store',
    // Members have neither.
    ...(kind === 'users'
      ? { 'Import-Charset': form.charset, 'Import-Delimiter': delimiterNames[form.delimiter] ?? 'comma' }
      : {}),
    ...(mode === 'strict' ? { 'Preference-Applied': 'handling=strict' } : {}),
    ...headers,
  })
  await streamAnswer(res, { text, chunks, gone })
}
