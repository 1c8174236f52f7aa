import { type Command, Option } from 'commander';
import { secretInWords } from '../../policy/declared/place.ts';
import type { EndingMode } from '../../policy/life/state.ts';
import type { PolicyStatus } from '../../policy/life/status.ts';
import { type Output, outputOption } from '../output-option.ts';
import { note, printJson, say } from '../print.ts';

type Options = Output & { detach?: boolean; retire?: boolean; destroy?: boolean; yes?: boolean };

export function deleteCommand(program: Command): void {
  program
    .command('delete')
    .description('end a policy, in one of three ways; says what will happen and asks first')
    .argument('<name>', 'the policy')
    .addOption(
      new Option('--detach', 'only forget the policy: its keys and secrets stay').conflicts(['retire', 'destroy']),
    )
    .addOption(
      new Option('--retire', 'remove secret and keys after grace and quarantine').conflicts(['detach', 'destroy']),
    )
    .addOption(new Option('--destroy', 'remove secret and keys at once').conflicts(['detach', 'retire']))
    .option('--yes', 'do not ask')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn delete checkout --retire\n')
    .action(async (name: string, options: Options) => {
      const { fault } = await import('../../errors/keyturn-error.ts');
      const { confirm, isPersonThere } = await import('../person.ts');
      const { withKeyturn } = await import('../with-keyturn.ts');
      const mode = modeOf(options);
      if (mode === null) throw fault('KEYTURN_USAGE', 'Say how: --detach, --retire or --destroy.');
      if (!options.yes && !isPersonThere()) {
        throw fault('KEYTURN_USAGE', 'Nobody is there to be asked; --yes agrees beforehand.');
      }
      await withKeyturn(async (keyturn) => {
        const consequence = await consequenceOf(mode, await keyturn.status(name));
        note(consequence);
        if (!options.yes && !(await confirm(`Delete ${name}?`))) {
          process.exitCode = 1;
          return note('Nothing was changed.');
        }
        await keyturn.delete(name, mode);
        if (options.output === 'json') return printJson({ name, mode });
        say(
          mode === 'detach'
            ? `${name} is detached.`
            : `${name} is being deleted; keyturn status ${name} shows how far it is.`,
        );
      });
    });
}

function modeOf({ detach, retire, destroy }: Options): EndingMode | null {
  if (detach) return 'detach';
  if (retire) return 'retire';
  return destroy ? 'destroy' : null;
}

/** What the delete will do to this very policy, before a person agrees to it. */
async function consequenceOf(mode: EndingMode, { policy, keys }: PolicyStatus): Promise<string> {
  const { wrapped, width } = await import('../show/layout.ts');
  const { formatDuration } = await import('../../policy/time/duration.ts');
  const secret = policy === null ? 'its secret' : secretInWords(policy.secret);
  const which = keys.map(({ generation }) => `#${generation}`).join(', ');
  const named = keys.length === 0 ? 'none yet' : which;
  const grace = formatDuration(policy?.graceMs ?? 0);
  const quarantine = formatDuration(policy?.quarantineMs ?? 0);
  const words = {
    detach:
      `Keyturn forgets the policy. Its keys (${named}) go on working in OpenRouter, and ${secret} stays as it is; ` +
      'nobody rotates or revokes them any more.',
    retire:
      `Its keys (${named}) go on working for ${grace}. Then ${secret} is removed, the keys are disabled, and ` +
      `${quarantine} later they are deleted in OpenRouter. Whoever still reads the secret then finds none.`,
    destroy:
      `At once ${secret} is removed, and its keys (${named}) are disabled and deleted in OpenRouter. Whoever uses them ` +
      'is refused from then on. This cannot be undone.',
  }[mode];
  return wrapped(words, width).join('\n');
}
