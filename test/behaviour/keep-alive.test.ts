import { Agent, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { idOf, upload } from '../support/receipts.ts'
import { importPath, startService, type Service } from '../support/service.ts'

describe('many requests over one connection', () => {
  let service: Service
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(async () => {
    agent.destroy()
    await service.close()
  })

  function get(path: string, token: string, method = 'GET'): Promise<number> {
    return new Promise((resolve, reject) => {
      const headers = {
        Host: 'localhost',
        Authorization: `Bearer ${token}`,
        'Idempotency-Key': 'again',
        'Content-Type': 'text/csv',
      }
      const req = request({ port: service.port, host: '127.0.0.1', agent, path, method, headers }, (res) => {
        res.resume().on('end', () => {
          resolve(res.statusCode ?? 0)
        })
      })
      req.on('error', reject)
      req.end(method === 'POST' ? 'email\na@example.com\n' : undefined)
    })
  }

  it('for results, receipts and replays leave no listeners behind', async () => {
    const warnings: string[] = []
    const heard = (warning: Error): void => void warnings.push(warning.message)
    process.on('warning', heard)
    const token = await service.token()
    const id = idOf(await upload(service, 'email\na@example.com\n'))
    for (let round = 0; round < 25; round += 1) {
      expect(await get(`${importPath}/${id}/result.csv`, token)).toBe(200)
      expect(await get(`${importPath}/${id}`, token)).toBe(200)
      expect(await get(importPath, token, 'POST')).toBe(200)
      expect(await get(`${importPath}/${id}/result.csv`, token, 'HEAD')).toBe(200)
    }
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', heard)
    expect(warnings.filter((message) => /listener/i.test(message))).toEqual([])
  })
})
