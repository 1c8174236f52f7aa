import type { Command } from 'commander';
import type { Keyturn } from '../../client/keyturn.ts';
import { type Fault, KeyturnError } from '../../errors/keyturn-error.ts';
import type { Policy } from '../../policy/declared/policy.ts';
import type { LiveKey } from '../../policy/life/state.ts';
import { exitCodeOf, reportFailure } from '../failure.ts';
import { type Output, outputOption } from '../output-option.ts';
import { print, printJson } from '../print.ts';
import { beside, width, wrapped } from '../show/layout.ts';

type Options = Output & { file: string[]; wait?: boolean; newKey?: boolean; cleanRemoved?: boolean };
type How = { newKey: boolean; removed: 'leave' | 'clean' };
type Result = { name: string } & (
  | {
      result: 'created' | 'updated' | 'unchanged';
      changed: string[];
      rotationId: string | null;
      liveKeys: LiveKey[];
      warnings: string[];
    }
  | { result: 'failed'; error: Fault }
);

export function applyCommand(program: Command): void {
  program
    .command('apply')
    .description(
      'create or update policies; a new one gets its first key, an update takes effect with the next rotation',
    )
    .requiredOption('-f, --file <file...>', 'policy files, YAML or JSON; - for standard input')
    .option('--wait', 'show the first key of a new policy being made; exit 1 if that is undone')
    .option('--new-key', 'make a first key although an earlier policy of this name left live keys in OpenRouter')
    .option('--clean-removed', 'take the secret out of places that a policy names no longer; they keep it otherwise')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn apply -f checkout.yaml --wait\n')
    .action(async ({ file, wait = false, newKey = false, cleanRemoved = false, output }: Options) => {
      const { readPolicyFiles } = await import('../policy-files.ts');
      const policies = await readPolicyFiles(file);
      const how: How = { newKey, removed: cleanRemoved ? 'clean' : 'leave' };
      const { withKeyturn } = await import('../with-keyturn.ts');
      await withKeyturn(async (keyturn) => {
        const results = await allApplied(keyturn, policies, how, output === 'text' ? show : () => {});
        if (output === 'json') printJson(results);
        const failed = results.find(({ result }) => result === 'failed');
        if (failed?.result === 'failed') process.exitCode = exitCodeOf(failed.error.code);
        if (wait) await waitForFirstKeys(keyturn, results, output === 'text');
      });
    });
}

/**
 * A few at a time, each told in its place: `tell` gets the results in the order of the documents. What stands in several
 * documents is applied in their order.
 */
async function allApplied(
  keyturn: Keyturn,
  policies: readonly Policy[],
  how: How,
  tell: (result: Result) => void,
): Promise<Result[]> {
  const { fewAtOnce } = await import('../../client/few-at-once.ts');
  const results: (Result | undefined)[] = policies.map(() => undefined);
  let told = 0;
  let isAnybodyThere = true;
  const documents = Map.groupBy(policies.keys(), (n) => policies[n]?.name);
  await fewAtOnce(documents.values(), async (numbers) => {
    for (const n of numbers) {
      // Nobody there to apply the others either.
      if (!isAnybodyThere) return;
      const result = await applied(keyturn, policies[n] as Policy, how);
      results[n] = result;
      if (result.result === 'failed' && exitCodeOf(result.error.code) === 5) isAnybodyThere = false;
      for (let next = results[told]; next !== undefined; next = results[++told]) tell(next);
    }
  });
  // Where nobody answered: those that were asked meanwhile.
  const known = results.filter((result) => result !== undefined);
  for (const result of known.slice(told)) tell(result);
  return known;
}

/** One refused policy does not keep the others from being applied; each is accounted for. */
async function applied(keyturn: Keyturn, policy: Policy, how: How): Promise<Result> {
  const { name } = policy;
  try {
    const { created, changed, ...more } = await keyturn.applyRead(policy, how);
    if (created) return { name, result: 'created', changed, ...more };
    return { name, result: changed.length === 0 ? 'unchanged' : 'updated', changed, ...more };
  } catch (error) {
    if (error instanceof KeyturnError) return { name, result: 'failed', error: error.toJSON() };
    throw error;
  }
}

function show(one: Result): void {
  print([one.result.padEnd(10), one.name, moreOf(one)].join(' ').trimEnd());
  if (one.result === 'failed') reportFailure(new KeyturnError(one.error), 'text');
  else {
    for (const { name, hash } of one.liveKeys)
      print(`  ! OpenRouter has a live key ${name} that this policy does not know:\n    ${hash}`);
    for (const warning of one.warnings) for (const line of beside('  !', 4, wrapped(warning, width - 4))) print(line);
  }
}

function moreOf(one: Result): string {
  if (one.result === 'created') return ' its first key is being made';
  return one.result === 'updated' ? ` ${one.changed.join(', ')}; takes effect with the next rotation` : '';
}

async function waitForFirstKeys(keyturn: Keyturn, results: readonly Result[], shown: boolean): Promise<void> {
  const { followRotation } = await import('../follow-rotation.ts');
  const { requirePublished } = await import('../rotation-outcome.ts');
  for (const one of results) {
    if (one.result === 'failed' || one.rotationId === null) continue;
    const { record } = await followRotation(keyturn, { name: one.name, rotationId: one.rotationId, shown });
    requirePublished(record);
  }
}
