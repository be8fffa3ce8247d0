// The enhanced feature in a test: declared with it, or switched while the product runs.
import type { Declared } from '../../src/declared.ts'
import type { Product } from './product.ts'

/** For `startProduct({ change: withEnhanced })`. */
export function withEnhanced(declared: Declared): Declared {
  return { ...declared, jitProvisioning: { ...declared.jitProvisioning, enableEnhancedFeature: true } }
}

/** As the console switches it: in the database, and known to this process at once. */
export async function switchEnhanced(product: Product, isOn: boolean): Promise<void> {
  await product.rows(`UPDATE installation SET jit_provisioning = jit_provisioning || $1::jsonb`, [
    JSON.stringify({ enable_enhanced_feature: isOn }),
  ])
  await product.running.house.rereadSettings()
}

/** What a federated unique id looks like (RFC 9562, 5.8). */
export const UNIQUE_ID = /[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}/
