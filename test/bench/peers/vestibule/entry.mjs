// The entry of the product in the harness's list of peers: how its tables are made and filled, how it starts, and which request starts a sign-in.

const some = 'generate_series($from, $to) g'
const id = `md5('user ' || g)::uuid`
const idp = '(select id from idps)'
const name = `'sub-' || g`

export const vestibule = {
  dir: 'vestibule',
  port: 21120,
  cmd: ['node', 'app.mjs'],
  env: { VESTIBULE: process.env['VESTIBULE'] },
  schema: { cmd: ['node', 'app.mjs', 'migrate'] },
  start: { get: '/myaccount' },
  // What a silent sign-in keeps, and its record.
  fill: [
    `insert into users (id, store, username, username_canonical, username_look) select ${id}, 'PRIMARY', ${name}, ${name}, sha256(convert_to(${name}, 'UTF8')) from ${some}`,
    `insert into identities (idp_id, issuer, subject, user_id, scheme, sent) select ${idp}, '$issuer', 'sub-' || g, ${id}, 'PROVISION_SILENTLY', '{email,name}' from ${some}`,
    `insert into user_attributes (user_id, name, value, verified, origin, origin_idp_id) select ${id}, 'email', to_jsonb('u' || g || '@example.test'), true, 'idp', ${idp} from ${some} union all select ${id}, 'name', to_jsonb('User ' || g), null, 'idp', ${idp} from ${some}`,
    `insert into audit_events (event, flow_id, idp_id, user_id, created_at, detail) select 'user-created', 'flow-' || g, ${idp}, ${id}, now() - g * interval '7 seconds', '{}' from ${some}`,
  ],
}
