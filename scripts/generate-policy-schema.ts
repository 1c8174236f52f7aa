/**
 * Writes `docs/policy.schema.json`, for editors, from the schema that reads policy files. A test fails when the file is
 * not current: run this, and commit the result.
 *
 *     node scripts/generate-policy-schema.ts
 */
import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { policyFile } from '../policy/declared/schema.ts';

export const policySchemaFile = new URL('../docs/policy.schema.json', import.meta.url);

/** The content that the file must have. It describes what is written (`24h`), not what is read (milliseconds). */
export function policySchemaText(): string {
  return `${JSON.stringify(z.toJSONSchema(policyFile, { io: 'input' }), null, 2)}\n`;
}

if (import.meta.main) writeFileSync(policySchemaFile, policySchemaText());
