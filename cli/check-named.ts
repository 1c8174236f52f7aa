import { type ConnectionCheck, checkConnection } from '../openrouter/check-connection.ts';
import { createManagementClient } from '../openrouter/client.ts';
import type { Secret } from '../secrets/secret.ts';

/** What the management key of a connection is good for, asked now. */
export async function checkNamed({
  name,
  managementKey,
  baseUrl,
}: {
  name: string;
  managementKey: Secret;
  baseUrl?: string;
}): Promise<ConnectionCheck> {
  // Three requests of a person who waits: they take no turns.
  const openrouter = createManagementClient({
    connection: name,
    managementKey,
    timeoutMs: 15_000,
    ...(baseUrl === undefined ? {} : { baseUrl }),
  });
  try {
    return await checkConnection(openrouter, managementKey);
  } finally {
    await openrouter.close();
  }
}
