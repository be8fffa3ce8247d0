// A password that is changed at the worst moment: when the one that was typed has been found right, and nothing has come of it yet.
import type { Product } from './product.ts'

/** Does `work` while that happens to this user: by a trigger, because a right password gives the try back that it took. */
export async function whileItsPasswordChanges<Result>(
  product: Pick<Product, 'rows' | 'running'>,
  userId: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const hash = await product.running.house.passwords.hash('another password of theirs', 'tests')
  await product.rows(`CREATE FUNCTION change_the_password() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN UPDATE users SET password_hash = '${hash}' WHERE id = '${userId}'; RETURN NEW; END$$`)
  await product.rows(`CREATE TRIGGER change_the_password BEFORE UPDATE ON brakes FOR EACH ROW
    WHEN (NEW.points < OLD.points) EXECUTE FUNCTION change_the_password()`)
  try {
    return await work()
  } finally {
    await product.rows('DROP FUNCTION change_the_password CASCADE')
  }
}
