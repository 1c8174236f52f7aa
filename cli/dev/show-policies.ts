import { readFile } from 'node:fs/promises';
import type { Keyturn } from '../../client/keyturn.ts';
import { fault } from '../../errors/keyturn-error.ts';
import { readPolicies } from '../../policy/declared/policy-file.ts';
import type { KeyStatus } from '../../policy/life/status.ts';
import { shortHash } from '../../workflows/saga/step-table.ts';
import { followRotation } from '../follow-rotation.ts';
import { packageFile } from '../package-file.ts';
import { print } from '../print.ts';
import { lineDone } from './line.ts';

const indent = 4;

/** The policies that are there from before; or else, over the simulator, the sample policy and its first two keys. */
export async function showPolicies(keyturn: Keyturn, live: boolean, signal: AbortSignal): Promise<void> {
  const there = await keyturn.list();
  for (const { name } of there) {
    const { keys } = await keyturn.status(name);
    lineDone(`policy ${name} is still there`, newestOf(keys));
  }
  if (there.length === 0 && !live) await showSample(keyturn, signal);
}

function newestOf([newest, ...others]: KeyStatus[]): string {
  if (newest === undefined) return 'no key yet';
  const { generation, hash, state } = newest;
  const more = others.length === 0 ? '' : `, ${others.length} more`;
  return `#${generation} ${shortHash(hash)} ${state}${more}`;
}

async function showSample(keyturn: Keyturn, signal: AbortSignal): Promise<void> {
  const file = packageFile('examples/demo.yaml');
  const read = readPolicies([{ file, text: await readFile(file, 'utf8') }]);
  const [policy] = 'policies' in read ? read.policies : [];
  if (policy === undefined) throw fault('KEYTURN_INTERNAL', `the sample policy ${file} is not valid`);

  const { name } = policy;
  print(`  ${name}  first key`);
  const { rotationId } = await keyturn.applyRead(policy);
  if (rotationId === null) return;
  const first = await followRotation(keyturn, { name, rotationId, shown: true, indent, signal });
  if (first.record.event !== 'published') return;

  print(`  ${name}  rotates`);
  const ticket = await keyturn.rotate(name, { reason: 'the first start' });
  await followRotation(keyturn, { name, rotationId: ticket.rotationId, shown: true, indent, signal });
}
