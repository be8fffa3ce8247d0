// Puts https in front of a server of the tests, as a platform's router would, with a certificate made on the spot.
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { answerOf, type FetchInit } from './plain-fetch.ts'

export interface TlsProxy {
  /** https://localhost:<port>, without a trailing slash. */
  url: string
  /** The certificate in PEM, for whoever is to trust it. */
  ca: string
  stop(): Promise<void>
}

/**
 * Starts an https server on 127.0.0.1 that passes everything on to `target` with the Host header as it came, adding
 * X-Forwarded-Proto and X-Forwarded-For and removing what the visitor claimed in any X-Forwarded header.
 * `target` may be a function, for a server that has to know this proxy's address before it starts.
 */
export async function startTlsProxy(target: URL | (() => URL)): Promise<TlsProxy> {
  const { cert: ca, key } = certificateForLocalhost()
  const server = createServer({ cert: ca, key }, (req, res) => {
    pass(req, res, typeof target === 'function' ? target() : target)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    ca,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A certificate for localhost and 127.0.0.1 and its key, in PEM. It is its own authority. */
export function certificateForLocalhost(): { cert: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { cert: selfSignedCertificate(publicKey, privateKey), key }
}

/** A fetch that trusts this certificate and no other; plain http passes too. It does not follow redirects. */
export function fetchTrusting(ca: string): (address: string | URL, init?: FetchInit) => Promise<Response> {
  return (address, { method = 'GET', headers = {}, body, signal } = {}) =>
    new Promise((resolve, reject) => {
      const url = new URL(address)
      const secure = url.protocol === 'https:'
      const options = { method, headers, ...(signal ? { signal } : {}), ...(secure ? { ca } : {}) }
      const request = (secure ? httpsRequest : httpRequest)(url, options, (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('end', () => {
          const given = new Headers()
          for (let index = 0; index < answer.rawHeaders.length; index += 2)
            given.append(answer.rawHeaders[index] ?? '', answer.rawHeaders[index + 1] ?? '')
          resolve(answerOf(url, answer.statusCode ?? 0, given, new Uint8Array(Buffer.concat(chunks))))
        })
        answer.on('error', reject)
      })
      request.on('error', reject)
      request.end(body === undefined || body === null ? undefined : String(body))
    })
}

function pass(req: IncomingMessage, res: ServerResponse, target: URL): void {
  const headers: IncomingHttpHeaders = { ...req.headers }
  for (const name of Object.keys(headers)) {
    if (name.startsWith('x-forwarded-') || name === 'forwarded') delete headers[name]
  }
  headers['x-forwarded-proto'] = 'https'
  headers['x-forwarded-for'] = req.socket.remoteAddress
  const { hostname, port } = target
  const onward = httpRequest({ hostname, port, method: req.method, path: req.url, headers }, (answer) => {
    res.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
    answer.pipe(res)
  })
  onward.on('error', () =>
    res.headersSent ? res.destroy() : res.writeHead(502).end('The server behind the proxy is away.'),
  )
  req.pipe(onward)
}

/** An X.509 version 3 certificate (RFC 5280 section 4.1) for localhost and 127.0.0.1, valid for a week, signed by its own key. */
function selfSignedCertificate(publicKey: KeyObject, privateKey: KeyObject): string {
  const now = Date.now()
  const day = 24 * 60 * 60 * 1000
  const ecdsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))
  const localhost = sequence(der(0x31, sequence(oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from('localhost')))))
  const names = sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.from([127, 0, 0, 1])))
  // Node and OpenSSL take it as its own authority only if it says that it is one.
  const authority = sequence(der(0x01, Buffer.from([0xff])))
  const extensions = sequence(
    sequence(oid(0x55, 0x1d, 0x11), der(0x04, names)),
    sequence(oid(0x55, 0x1d, 0x13), der(0x01, Buffer.from([0xff])), der(0x04, authority)),
  )
  const serialNumber = Buffer.concat([Buffer.from([1]), randomBytes(15)])
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serialNumber),
    ecdsaWithSha256,
    localhost,
    sequence(utcTime(now - day), utcTime(now + 7 * day)),
    localhost,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions),
  )
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', toBeSigned, privateKey)])
  const certificate = sequence(toBeSigned, ecdsaWithSha256, der(0x03, signature))
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

/** One value in the Distinguished Encoding Rules: tag, length, content. */
function der(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content)
  const { length } = body
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), body])
}

function sequence(...content: Buffer[]): Buffer {
  return der(0x30, ...content)
}

function oid(...encoded: number[]): Buffer {
  return der(0x06, Buffer.from(encoded))
}

function utcTime(epochMs: number): Buffer {
  return der(
    0x17,
    Buffer.from(
      `${new Date(epochMs)
        .toISOString()
        .replace(/[-:T]|\..*/g, '')
        .slice(2)}Z`,
    ),
  )
}
