import { openChromium } from './support/chromium.ts'

const n = Number(process.argv[2])
const keep = await openChromium({ javaScript: true })
await keep.page.goto('data:text/html,hi')
for (let i = 0; i < n; i++) {
  const c = await openChromium({ javaScript: true })
  await c.page.goto('data:text/html,hi')
  await c.close()
}
await keep.close()
