import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { startProcess } from '../support/process.ts'
import { until } from '../support/until.ts'

describe('npm run demo', () => {
  let folder: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rollcall-demo-test-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  /** The processes that have this test's folder in their environment. */
  async function processes(): Promise<string[]> {
    const numbers = (await readdir('/proc')).filter(
      (name) => /^\d+$/.test(name) && Number(name) !== process.pid,
    )
    const environments = await Promise.all(
      numbers.map((pid) => readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')),
    )
    return numbers.filter((_, index) => environments[index]!.includes(folder))
  }

  it.each<[string, Record<string, string>]>([
    ['with nothing set', {}],
    [
      'with settings of a real service around it, which it leaves alone',
      {
        DATABASE_URL: 'postgres://127.0.0.1:1/x',
        MIGRATION_DATABASE_URL: 'postgres://127.0.0.1:1/x',
        PORT: '1',
        PORTAL_DOMAIN: 'portals.example.com',
        JWT_ISSUER: 'https://issuer.example.com',
        MAX_ROWS: '1',
        LOG_LEVEL: 'silent',
      },
    ],
  ])('shows the import and leaves nothing behind, %s', async (_how, settings) => {
    const demo = startProcess({ TMPDIR: folder, ...settings }, 'src/cli/demo.ts')
    try {
      const exit = await demo.exit
      expect({ ...exit, stderr: demo.stderr() }).toEqual({ code: 0, signal: null, stderr: '' })
    } finally {
      await demo.kill()
    }
    expect(demo.stdout()).toMatch(/^imported,,[\w-]{36},ada,/m)
    expect(demo.stdout()).toMatch(/^invalid,"Validation error: /m)
    expect(demo.stdout()).not.toMatch(/eyJ[\w-]+\./)
    // Who was ended may still be about to go.
    await until(async () => (await processes()).length === 0)
    const left = (await readdir(folder)).filter((name) => !/^tsx-|node-compile-cache/.test(name))
    expect(left).toEqual([])
  })
})
