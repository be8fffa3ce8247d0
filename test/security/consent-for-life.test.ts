// What somebody refused, took back, left or closed is nowhere afterwards: not in a dump of the database, in no log line, no letter and no address (S100, S102, S110, S111, S115).
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { sweep } from '../../src/db/sweep.ts'
import { enterAccount, join } from '../support/account.ts'
import { type Browser, openBrowser } from '../support/browser.ts'
import { assertAbsent, markedPerson, without } from '../support/canaries.ts'
import { type Product, startProduct } from '../support/product.ts'
import { arrive, signedInAt } from '../support/road.ts'
import { openSmtpSink, type SmtpSink } from '../support/smtp.ts'
import { codesOn, knownPerson } from '../support/visits.ts'

const ALL = ['recover:email', 'recover:phone_number', 'office:department']
const DAY = 86_400_000

describe('a value that nobody may keep', () => {
  let product: Product
  let sink: SmtpSink
  before(async () => {
    sink = await openSmtpSink()
    product = await startProduct({ modes: ['silent', 'consent'], smtpUrl: sink.url })
  })
  after(async () => {
    await product.stop()
    await sink.close()
  })

  /** Searches everything that stays: rows, log, letters, the addresses that the browser and we ourselves asked for. */
  async function assertNowhere(marks: Record<string, string>, browsers: Browser[]): Promise<void> {
    assertAbsent('the database', await product.dump(), marks)
    assertAbsent('the log', product.log.join(''), marks)
    assertAbsent('a letter', JSON.stringify(sink.letters()), marks)
    assertAbsent('an address', browsers.flatMap(({ history }) => history).join('\n'), marks)
    assertAbsent('an address of ours at the idp', product.idp.requests.map(({ path }) => path).join('\n'), marks)
  }

  it('because it was refused at the question, is nowhere, in whatever mode the person comes again', async () => {
    const { person, marks } = markedPerson(product)
    const browsers = [openBrowser(), openBrowser()] as const
    const page = await arrive(product, browsers[0], 'consent', person)
    signedInAt(product.application, await page.tick('recover:email').press('Create account'))
    const refused = without(marks, 'sub', 'preferred_username', 'email')
    await assertNowhere(refused, [...browsers])
    signedInAt(product.application, await arrive(product, browsers[1], 'consent', person))
    await assertNowhere(refused, [...browsers])
  })

  it('because it was taken back, is nowhere after one press, and the next sign-ins bring it back nowhere', async () => {
    const { person, marks } = markedPerson(product)
    await join(product, 'consent', person, { ticks: ALL })
    const browser = openBrowser()
    const page = await enterAccount(product, 'consent', person, { browser, to: '/privacy' })
    assert.match(page.text, new RegExp(marks['department'] ?? '-'))
    const stopped = await page.press('Stop and delete Department')
    assert.deepEqual(codesOn(stopped), ['PRIVACY_DELETED'])
    const gone = { department: marks['department'] ?? '' }
    await assertNowhere(gone, [browser])
    signedInAt(product.application, await arrive(product, browser, 'consent', person))
    await enterAccount(product, 'consent', person)
    await assertNowhere(gone, [browser])
  })

  it('because a person made silently took it back, comes back with no silent sign-in', async () => {
    const { person, marks } = markedPerson(product)
    const browser = openBrowser()
    await join(product, 'silent', person)
    const page = await enterAccount(product, 'silent', person, { browser, to: '/privacy' })
    await page.press('Stop and delete Department')
    const gone = { department: marks['department'] ?? '' }
    await assertNowhere(gone, [browser])
    signedInAt(product.application, await arrive(product, browser, 'silent', person))
    await assertNowhere(gone, [browser])
  })

  it('because the person went away from the question, is nowhere when its time is up', async () => {
    const { person, marks } = markedPerson(product)
    const browser = openBrowser()
    await arrive(product, browser, 'consent', person)
    await sweep(product.running.house.db, new Date(product.clock.now.getTime() + DAY))
    await assertNowhere(marks, [browser])
  })

  it('because the account was closed, is nowhere: no detail, no name, no code of the idp', async () => {
    const { person, marks } = markedPerson(product)
    const browser = openBrowser()
    const id = await join(product, 'consent', person, { ticks: ALL })
    const page = await enterAccount(product, 'consent', person, { browser, to: '/close' })
    const closed = await page.press('Close my account and delete my details')
    assert.match(closed.text, /Your account is closed/)
    await assertNowhere(marks, [browser])
    // What stays is that they agreed, and that they closed.
    const records = await product.rows<{ state: string }>('SELECT state FROM consents WHERE user_id = $1', [id])
    assert.deepEqual(records.map(({ state }) => state).sort(), ['closed', 'given', 'given', 'given'])
    // Whoever comes back is somebody new.
    signedInAt(
      product.application,
      await (await arrive(product, browser, 'consent', person)).tick('recover:email').press('Create account'),
    )
    assert.notEqual((await knownPerson(product, person.sub)).user.id, id)
  })
})
