// Makes a failing assert.ok(value) without a message fail at once. To build a message, Node reads the caller's source again, at positions of
// the code that tsx made of it, and with TypeScript may parse for minutes: a red test would look like one that hangs.
import assert from 'node:assert/strict'

const ok: typeof assert.ok = assert.ok

Object.assign(assert, {
  ok(value: unknown, message: string | Error = `not true: ${String(value)}`) {
    ok(value, message)
  },
})
