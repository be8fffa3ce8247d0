// Our own files as browsers get them: compressed for those who read that, the same bytes for all, and once.
import assert from 'node:assert/strict'
import { get } from 'node:http'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import express from 'express'
import { listen } from '../src/demo/listen.ts'
import { compressedFiles } from '../src/web/public-files.ts'

const PUBLIC = path.join(import.meta.dirname, '../public')
let server: { port: number; stop(): Promise<void> }

before(async () => {
  const app = express().set('etag', false)
  app.use('/public', compressedFiles(PUBLIC, 3_600_000), express.static(PUBLIC))
  server = await listen(app, 0)
})
after(() => server.stop())

/** Node's own client: it says and reads nothing of encodings by itself. */
function ask(name: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: Buffer }>((resolve, reject) => {
    get(`http://127.0.0.1:${server.port}/public/${name}`, { headers }, async (res) => {
      const parts: Buffer[] = []
      for await (const part of res) parts.push(part)
      resolve({ status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(parts) })
    }).on('error', reject)
  })
}

const ZIP = { 'Accept-Encoding': 'gzip, deflate, br' }

test('a style sheet and a script come compressed, of the same type and with the same bytes as without', async () => {
  for (const [name, most] of [
    ['style.css', 12],
    ['page.js', 6],
  ] as const) {
    const [plain, zipped] = [await ask(name), await ask(name, ZIP)]
    assert.equal(plain.headers['content-encoding'], undefined)
    assert.equal(zipped.headers['content-encoding'], 'gzip')
    assert.deepEqual(gunzipSync(zipped.body), plain.body)
    assert.equal(zipped.headers['content-type'], plain.headers['content-type'])
    assert.ok(zipped.body.length <= most * 1024, `${name}: ${zipped.body.length}`)
    for (const { headers } of [plain, zipped]) assert.match(String(headers['vary']), /Accept-Encoding/)
    assert.match(String(zipped.headers['cache-control']), /max-age=3600/)
  }
})

test('whoever has a file is not sent it again', async () => {
  const { etag } = (await ask('style.css', ZIP)).headers
  const again = await ask('style.css', { ...ZIP, 'If-None-Match': String(etag) })
  assert.deepEqual([again.status, again.body.length], [304, 0])
})

test('a file that is not there, and one outside the folder, is found by nobody', async () => {
  for (const name of ['nothing.css', '../package.json', '%2e%2e/package.json', '..%2fbiome.js'])
    assert.equal((await ask(name, ZIP)).status, 404, name)
})
