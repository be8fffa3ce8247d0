// Whom limits count: one line is one client, however its address is written and whatever it says of itself.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientOf, networkOf } from '../src/web/client.ts'

const cases: [address: string, counted: string][] = [
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['::FFFF:cb00:7107', '203.0.113.7'],
  ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002:ffff:eeee:dddd:cccc', '2001:db8:1:2::/64'],
  ['2001:db8:1:2:0:0:203.0.113.7', '2001:db8:1:2::/64'],
  ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8::5:6:7:8', '2001:db8:0:0::/64'],
  ['1::', '1:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  // What some router of somebody's writes; it is at least always the same.
  ['203.0.113.7:4711', '203.0.113.7:4711'],
  ['unknown', 'unknown'],
  ['', ''],
]

for (const [address, counted] of cases)
  test(`${JSON.stringify(address)} is counted as ${JSON.stringify(counted)}`, () => {
    assert.equal(networkOf(address), counted)
    assert.equal(clientOf({ ip: address }), counted)
  })

test('a request whose connection is gone is counted too', () => assert.equal(clientOf({ ip: undefined }), ''))
