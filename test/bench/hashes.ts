// A program: makes as many password hashes as it is asked for, with the product's own parameters and nothing around them. The ceiling of whatever sets a password.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'
import { createHashingQueue } from '../../src/stores/hashing-queue.ts'
import { createPasswords } from '../../src/stores/password.ts'
import { PASSWORD } from '../support/people.ts'

// As many at once as the product runs.
const passwords = createPasswords(createHashingQueue({ running: availableParallelism(), waiting: 10_000 }))

const server = createServer(async (req, res) => {
  const count = Number(req.url?.slice(1))
  const began = performance.now()
  await Promise.all(Array.from({ length: count }, () => passwords.hash(PASSWORD, 'bench')))
  res.end(String(count / ((performance.now() - began) / 1000)))
})
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`ready http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})
