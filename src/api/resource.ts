// What a resource of the API is: an address, the scope that opens it, the shape that it takes, and what it answers.
import type { IncomingMessage } from 'node:http'
import type { z } from 'zod'
import type { Application } from '../db/applications.ts'
import type { SCOPES } from '../declared.ts'
import type { Problem } from '../web/problems.ts'
import type { Question } from './shapes.ts'

export type Scope = (typeof SCOPES)[number]

export interface Call<Body> {
  /** For the log alone: what a call says is in its body. */
  req: IncomingMessage
  application: Application
  body: Body
}

/** A problem with what there is to do about it. */
export interface ApiProblem extends Problem {
  returnTo?: string
  problems?: { field: string; code: string; text: string }[]
  question?: Question
}

export type Answer = { status: 200 | 201; body: object } | { problem: ApiProblem; retryAfterSeconds?: number }

export interface Resource<Shape extends z.ZodType = z.ZodType> {
  path: string
  /** Default deny: there is no resource without one. */
  scope: Scope
  shape: Shape
  post(call: Call<z.output<Shape>>): Promise<Answer>
}

/** Keeps what a resource takes and what its handler gets one and the same. */
export function resource<Shape extends z.ZodType>(one: Resource<Shape>): Resource {
  return one as unknown as Resource
}
