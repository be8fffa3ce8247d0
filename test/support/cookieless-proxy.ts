// A proxy that lets no cookie pass, in either direction: a browser behind it is one whose person has blocked them.
import { request } from 'node:http'
import { listen } from '../../src/demo/listen.ts'

/** Starts it on 127.0.0.1. `url` is what a browser is told as its proxy; plain http only. */
export async function startCookielessProxy(): Promise<{ url: string; stop(): Promise<void> }> {
  const { port, stop } = await listen((req, res) => {
    const { cookie: _cookie, ...headers } = req.headers
    const onward = request(req.url ?? '', { method: req.method, headers }, (answer) => {
      const { 'set-cookie': _cookies, ...rest } = answer.headers
      res.writeHead(answer.statusCode ?? 502, rest)
      answer.pipe(res)
    })
    onward.on('error', () => res.destroy())
    req.pipe(onward)
  }, 0)
  return { url: `http://127.0.0.1:${port}`, stop }
}
