// A database as years of use leave it: people by the number, made by SQL as the product and the floor make them themselves.
import type { Contender } from './stage.ts'

/**
 * Users of the product's one idp, from one number to another: each with what a silent sign-in keeps, and its record. A million records are 81 days:
 * of older ones than 90 the sweep would be busy for as long as the bench runs.
 */
export async function fillProduct(product: Contender, from: number, to: number): Promise<void> {
  const some = `generate_series(${from}, ${to}) AS n`
  const id = `md5('user ' || n)::uuid`
  const idp = '(SELECT id FROM idps)'
  const name = `'user-' || n`
  await product.rows(
    `INSERT INTO users (id, store, username, username_canonical, username_look)
     SELECT ${id}, 'PRIMARY', ${name}, ${name}, sha256(convert_to(${name}, 'UTF8')) FROM ${some}`,
  )
  await product.rows(
    `INSERT INTO identities (idp_id, issuer, subject, user_id, scheme, sent)
     SELECT ${idp}, (SELECT issuer FROM idps), 'sub-' || n, ${id}, 'PROVISION_SILENTLY', '{email,name}' FROM ${some}`,
  )
  await product.rows(
    `INSERT INTO user_attributes (user_id, name, value, verified, origin, origin_idp_id)
     SELECT ${id}, 'email', to_jsonb('u' || n || '@example.test'), true, 'idp', ${idp} FROM ${some}
     UNION ALL SELECT ${id}, 'name', to_jsonb('User ' || n), NULL, 'idp', ${idp} FROM ${some}`,
  )
  await product.rows(
    `INSERT INTO audit_events (event, flow_id, idp_id, user_id, created_at, detail)
     SELECT 'user-created', 'flow-' || n, ${idp}, ${id}, now() - n * interval '7 seconds', '{}' FROM ${some}`,
  )
  await product.rows('VACUUM ANALYZE')
}

export async function fillFloor(floor: Contender, issuer: string, from: number, to: number): Promise<void> {
  await floor.rows(
    `INSERT INTO users (email, name) SELECT 'u' || n || '@example.test', 'User ' || n FROM generate_series(${from}, ${to}) AS n`,
  )
  await floor.rows(
    `INSERT INTO identities (issuer, subject, user_id)
     SELECT '${issuer}', 'sub-' || substr(split_part(email, '@', 1), 2), id FROM users ON CONFLICT DO NOTHING`,
  )
  await floor.rows('VACUUM ANALYZE')
}
