import type { Temporal } from '../client/temporal.ts';
import { type SetupResult, setupNamespace } from '../engine/setup.ts';
import { searchAttributeTypes } from '../workflows/search-attributes.ts';

/** Registers what the workflows set. */
export function setUp({ connection, namespace }: Temporal): Promise<SetupResult> {
  return setupNamespace(connection, namespace, { searchAttributes: searchAttributeTypes });
}
