import { describe, expect, it } from '@jest/globals'
import { read, refusal } from './reading.ts'

describe('the columns of an answer that is sent again', () => {
  it('are numbered as a spreadsheet shows them where a name is unknown', async () => {
    const { message } = await refusal(['disposition,errors,id,nonsense,id\n'])
    expect(message).toContain('column 4, "nonsense"')
    expect(message).toContain('column 5, "id", repeats column 3, "id"')
  })

  it('are numbered so where a value stands under a blank name', async () => {
    const { rows } = await read(['disposition,errors,id,\nimported,,,x\n'])
    expect(rows[0]?.faults[0]?.message).toContain('column 4 must have a name')
  })
})
