import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FolderInUse, lockFolder } from '../../src/db/folder-lock.ts'

describe('the lock of a folder', () => {
  let folder: string
  let lock: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rollcall-lock-'))
    lock = join(folder, 'rollcall.lock')
  })

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  it('refuses a second opener, also in the same process, and says who has it', () => {
    lockFolder(folder)
    expect(() => lockFolder(folder)).toThrow(FolderInUse)
    expect(() => lockFolder(folder)).toThrow(`is in use by process ${process.pid}`)
  })

  it('refuses an opener while another process has it', () => {
    const child = spawn('sleep', ['30'])
    try {
      const stat = readFileSync(`/proc/${child.pid!}/stat`, 'utf8')
      const start = stat.slice(stat.lastIndexOf(')')).split(' ')[20]
      writeFileSync(lock, `${child.pid!} ${start ?? ''}`)
      expect(() => lockFolder(folder)).toThrow(`is in use by process ${child.pid!}`)
    } finally {
      child.kill()
    }
  })

  it('is taken over from a process that has died', () => {
    const { pid } = spawnSync('true')
    writeFileSync(lock, `${pid} 123456`)
    lockFolder(folder)
    expect(readFileSync(lock, 'utf8')).toMatch(new RegExp(`^${process.pid} `))
  })

  it('is taken over from an earlier process of our own number, as after every start of a container', () => {
    writeFileSync(lock, `${process.pid} 1`)
    lockFolder(folder)
    expect(() => lockFolder(folder)).toThrow(FolderInUse)
  })

  it('is taken over where its writer was killed before it wrote', () => {
    writeFileSync(lock, '')
    lockFolder(folder)
    expect(readFileSync(lock, 'utf8')).not.toBe('')
  })

  it('is free again once it is let go of', () => {
    lockFolder(folder)()
    lockFolder(folder)()
    expect(() => lockFolder(folder)).not.toThrow()
  })

  it('goes to one of several that meet a stale lock at once, and the others are told', async () => {
    const module = fileURLToPath(new URL('../../src/db/folder-lock.ts', import.meta.url))
    const script = `
      const { lockFolder } = await import(${JSON.stringify(module)})
      const at = Number(process.argv[1])
      while (Date.now() < at);
      try { lockFolder(${JSON.stringify(folder)}); console.log('mine'); await new Promise((r) => setTimeout(r, 1000)) }
      catch (error) { console.log(error.name) }`
    const { pid } = spawnSync('true')
    writeFileSync(lock, `${pid} 123456`)
    const at = String(Date.now() + 2_000)
    const said = await Promise.all(Array.from({ length: 4 }, () => outputOf(script, at)))
    expect(said.sort()).toEqual(['FolderInUse', 'FolderInUse', 'FolderInUse', 'mine'])
  })
})

function outputOf(script: string, argument: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script, argument])
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
    child.on('error', reject)
    child.on('close', () => {
      resolve(text.trim())
    })
  })
}
