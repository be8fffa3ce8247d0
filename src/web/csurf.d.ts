// The package's own types do not resolve under "module": "nodenext"; these are the parts we use.
declare module 'csurf' {
  import type { Request, RequestHandler } from 'express'
  export default function csurf(options?: {
    sessionKey?: string
    ignoreMethods?: string[]
    value?: (req: Request) => string
  }): RequestHandler
}
