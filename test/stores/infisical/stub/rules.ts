import { Refused } from './answers.ts';
import { refuseBrokenReferences } from './references.ts';
import { asStored, type Given, type StubSecret, type Where, type World } from './world.ts';

/** What a project can hold against a write, its texts quoting what was sent, as anybody's rule may. */
export function refuseByRules(world: World, at: Where, former: StubSecret | null, { value, metadata }: Given): void {
  const { settings } = world;
  if (settings.encryptsMetadata && metadata?.some(({ isEncrypted }) => isEncrypted !== true)) {
    throw new Refused(400, 'BadRequest', 'Secret metadata must be encrypted in this project');
  }
  if (value === undefined) return;
  if (settings.valuesMatch?.test(value) === false) {
    throw new Refused(400, 'BadRequest', `Rule "form": ${value} does not match ${settings.valuesMatch.source}`);
  }
  if (settings.detects?.test(value)) {
    throw new Refused(400, 'SecretPolicyViolation', `Secret detection found a leaked value: ${value}`);
  }
  refuseBrokenReferences(world, value, at);
  const used = settings.reuseRule === 0 ? [] : (former?.history.slice(-settings.reuseRule) ?? []);
  if (!used.some((version) => version.value === asStored(value))) return;
  throw new Refused(400, 'BadRequest', `Rule "no reuse": ${value} was used in the last ${settings.reuseRule} versions`);
}

export function refuseName({ settings }: World, name: string): void {
  if (/[:/]/.test(name)) throw new Refused(400, 'BadRequest', 'Secret name cannot contain : or /');
  if (settings.enforcesCapitals && name !== name.toUpperCase()) {
    throw new Refused(400, 'BadRequest', 'Secret name must be in capitals');
  }
}
