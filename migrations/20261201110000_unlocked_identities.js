// A lock that was taken off stays for a month: what had begun before it ended then is over for good, on every process.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    ALTER TABLE identity_locks ADD unlocked_at timestamptz;
    CREATE INDEX identity_locks_newest_idx ON identity_locks (locked_at DESC, federated_subject DESC) WHERE unlocked_at IS NULL;
    CREATE INDEX identity_locks_unlocked_at_idx ON identity_locks (unlocked_at) WHERE unlocked_at IS NOT NULL;
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
