import type { z } from 'zod';
import { fault } from '../errors/keyturn-error.ts';

/** What `schema` says of the variables that it names. @throws KEYTURN_USAGE names each that is wrong, and what is allowed */
export function checkedEnvironment<Schema extends z.ZodType>(
  schema: Schema,
  env: Readonly<Record<string, string | undefined>>,
): z.output<Schema> {
  const parsed = schema.safeParse(env);
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw fault('KEYTURN_USAGE', `The environment is not right. ${wrong.join('; ')}.`);
}
