import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FolderInUse, lockFolder } from '../../src/db/folder-lock.ts'
import { until } from '../support/until.ts'

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
      console.log('ready')
      process.stdin.once('data', () => {
        try { lockFolder(${JSON.stringify(folder)}); console.log('mine') }
        catch (error) { console.log(error.name) }
      })`
    const { pid } = spawnSync('true')
    writeFileSync(lock, `${pid} 123456`)
    const children = Array.from({ length: 4 }, () => new Child(script))
    try {
      await until(() => children.every(({ said }) => said === 'ready\n'))
      for (const child of children) child.go()
      // Whoever has it keeps it until all have tried.
      await until(() => children.every(({ said }) => /\n.+\n/.test(said)))
      const said = children.map((child) => child.said.split('\n')[1])
      expect(said.sort()).toEqual(['FolderInUse', 'FolderInUse', 'FolderInUse', 'mine'])
    } finally {
      for (const child of children) await child.end()
    }
  })
})

/** A process that is ready, tries when it is told to, and then stays until it is ended. */
class Child {
  said = ''
  readonly #child: ChildProcessWithoutNullStreams

  constructor(script: string) {
    this.#child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script])
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.on('data', (chunk: Buffer) => (this.said += chunk.toString()))
  }

  go(): void {
    this.#child.stdin.write('go\n')
  }

  async end(): Promise<void> {
    const closed = once(this.#child, 'close')
    this.#child.kill('SIGKILL')
    await closed
  }
}
