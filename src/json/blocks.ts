const BLOCK = 64 * 1024

/**
 * The same bytes in blocks of 64 KiB, of which the last may be shorter. However small the pieces are in which bytes
 * come, or however large, what reads the blocks does its work once for each of them.
 */
export async function* inBlocks(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let block = Buffer.allocUnsafe(BLOCK)
  let filled = 0
  for await (const chunk of bytes) {
    for (let from = 0; from < chunk.length;) {
      const copied = chunk.copy(block, filled, from)
      from += copied
      filled += copied
      if (filled < BLOCK) continue
      yield block
      block = Buffer.allocUnsafe(BLOCK)
      filled = 0
    }
  }
  if (filled > 0) yield block.subarray(0, filled)
}
