import { describe, expect, it } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openDatabase } from '../../src/db/database.ts'
import { FolderInUse } from '../../src/db/folder-lock.ts'

const writer = fileURLToPath(new URL('./killed-writer.ts', import.meta.url))

describe('a process that is killed while it has the embedded database open', () => {
  it('loses nothing that it acknowledged, three times over, nor the record of it, and nobody else could open it before', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'rollcall-killed-'))
    const acknowledged: string[] = []
    try {
      for (let round = 1; round <= 3; round += 1) {
        const child = spawn(process.execPath, ['--import', 'tsx', writer, dataDir], {
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        let text = ''
        let wanted = acknowledged.length + 150
        await new Promise<void>((resolve, reject) => {
          child.on('exit', (code) => {
            reject(new Error(`the writer ended by itself: ${code ?? ''}`))
          })
          child.stdout.on('data', (chunk: Buffer) => {
            text += chunk.toString()
            if (text.split('\n').length - 1 + acknowledged.length < wanted) return
            wanted = Number.POSITIVE_INFINITY
            resolve()
          })
        })
        await expect(openDatabase({ kind: 'embedded', dataDir })).rejects.toThrow(FolderInUse)
        child.removeAllListeners('exit')
        const closed = once(child, 'close')
        child.kill('SIGKILL')
        await closed
        acknowledged.push(...text.split('\n').slice(0, -1))
      }
      const database = await openDatabase({ kind: 'embedded', dataDir })
      try {
        const stored = new Set(await database.knex('users').pluck('id'))
        expect(acknowledged.length).toBeGreaterThanOrEqual(450)
        expect(acknowledged.filter((id) => !stored.has(id))).toEqual([])
        const chunks = await database.knex('import_chunks').pluck<Buffer[]>('answer')
        expect(new Set(chunks.map(String))).toEqual(stored)
      } finally {
        await database.close()
      }
    } finally {
      rmSync(dataDir, { recursive: true, force: true })
    }
  }, 600_000)
})
