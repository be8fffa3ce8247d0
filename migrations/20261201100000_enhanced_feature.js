// The enhanced feature: second factors of everybody, locks of people by who they are at an idp, and idps that are being deleted with their users.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    -- A factor by e-mail has no secret: its codes are made one by one.
    ALTER TABLE user_factors DROP CONSTRAINT user_factors_kind_check;
    ALTER TABLE user_factors ALTER secret_sealed DROP NOT NULL;
    ALTER TABLE user_factors ADD CONSTRAINT user_factors_kind_check CHECK (kind IN ('totp', 'email'));
    ALTER TABLE user_factors ADD CONSTRAINT user_factors_secret_check CHECK ((kind = 'totp') = (secret_sealed IS NOT NULL));

    -- Codes for the day on which a factor is lost. The label finds the row, so that a try costs one comparison of hashes.
    CREATE TABLE backup_codes (
      user_id uuid NOT NULL,
      label text NOT NULL CHECK (length(label) <= 10),
      code_hash text NOT NULL,
      used_at timestamptz,
      created_at timestamptz NOT NULL,
      CONSTRAINT backup_codes_pkey PRIMARY KEY (user_id, label),
      CONSTRAINT backup_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
    );

    -- The one code that was sent last for a sign-in, or for a session of My Account: bound_to is a flow's id or the hash of a session's. The
    -- hash is keyed, and says nothing without SECRET_KEY.
    CREATE TABLE emailed_codes (
      bound_to text NOT NULL,
      user_id uuid NOT NULL,
      code_hash bytea NOT NULL,
      tries smallint NOT NULL DEFAULT 0,
      used_at timestamptz,
      created_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      CONSTRAINT emailed_codes_pkey PRIMARY KEY (bound_to),
      CONSTRAINT emailed_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
    );
    CREATE INDEX emailed_codes_user_id_idx ON emailed_codes (user_id);
    CREATE INDEX emailed_codes_expires_at_idx ON emailed_codes (expires_at);

    -- proved_user_id: whose user somebody proved to be before there is an ending; proved_by: by which password, as a keyed
    -- hash, because it counts no more once that is another. factor_user_id: whose second factor was shown, by what, and when. Neither ends a
    -- flow; both are the user's that the flow is about to end for, or count for nothing. made: the
    -- user that this sign-in made, with what its record is to say, because a factor has to be set up before it ends.
    ALTER TABLE flows ADD proved_user_id uuid, ADD proved_by bytea, ADD made jsonb, ADD factor_user_id uuid, ADD factor_kind text CHECK (factor_kind IN ('totp', 'email', 'backup')),
      ADD factor_at timestamptz;

    -- Whom an operator requires to have a second factor.
    ALTER TABLE idps ADD require_second_factor boolean NOT NULL DEFAULT false;
    ALTER TABLE applications ADD require_second_factor boolean NOT NULL DEFAULT false;

    -- A person as their idp knows them, whether or not there is a user. federated_subject is what applications call them who are no users
    -- (fed.…), so that a session of theirs finds the lock as well.
    CREATE TABLE identity_locks (
      idp_id uuid NOT NULL,
      issuer text NOT NULL,
      subject text NOT NULL,
      federated_subject text NOT NULL,
      locked_at timestamptz NOT NULL,
      CONSTRAINT identity_locks_pkey PRIMARY KEY (idp_id, issuer, subject),
      CONSTRAINT identity_locks_federated_subject_key UNIQUE (federated_subject),
      CONSTRAINT identity_locks_idp_id_fkey FOREIGN KEY (idp_id) REFERENCES idps (id) ON DELETE CASCADE
    );

    -- The code in a letter that has one: good for minutes, and sealed all the same.
    ALTER TABLE mails ADD code_sealed bytea;

    -- Set once, with is_enabled = false, for ever: from then on batches delete its users, and at last the row.
    ALTER TABLE idps ADD deletion jsonb;
    ALTER TABLE idps ADD CONSTRAINT idps_deletion_check CHECK (deletion IS NULL OR NOT is_enabled);
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
