import { type Command, InvalidArgumentError } from 'commander';
import type { Run } from '../../policy/time/schedule.ts';
import { type Output, outputOption } from '../output-option.ts';
import { print, printJson } from '../print.ts';

type Options = Output & { count: number; file?: string };

const maxCount = 1000;

export function nextCommand(program: Command): void {
  program
    .command('next')
    .description('show when a policy will rotate, or would: local time with offset, and UTC')
    .argument('[name]', 'the policy; or else -f')
    .option('-n, --count <number>', `how many runs, 1 to ${maxCount}`, counted, 1)
    .option('-f, --file <file>', 'a policy file that need not be applied yet; - for standard input')
    .addOption(outputOption())
    .addHelpText('after', '\nExamples:\n  $ keyturn next checkout -n 10\n  $ keyturn next -f checkout.yaml -n 10\n')
    .action(async (name: string | undefined, options: Options) => {
      const answers = options.file === undefined ? [await ofPolicy(name, options)] : await ofFile(name, options);
      if (options.output === 'json') return printJson(answers.flatMap(({ runs }) => runs.map(asJson)));
      const { nextText } = await import('../show/next-text.ts');
      print(nextText(answers));
    });
}

async function ofPolicy(name: string | undefined, { count }: Options) {
  const { fault } = await import('../../errors/keyturn-error.ts');
  if (name === undefined) throw fault('KEYTURN_USAGE', 'Name a policy, or a file with -f.');
  const { withKeyturn } = await import('../with-keyturn.ts');
  return { name, ...(await withKeyturn((keyturn) => keyturn.next(name, count))) };
}

async function ofFile(name: string | undefined, { file = '', count }: Options) {
  const { fault } = await import('../../errors/keyturn-error.ts');
  if (name !== undefined) throw fault('KEYTURN_USAGE', 'Name a policy, or a file with -f, not both.');
  const { readPolicyFiles } = await import('../policy-files.ts');
  const { localDate, upcomingRuns } = await import('../../policy/time/schedule.ts');
  const now = new Date().toISOString();
  return (await readPolicyFiles([file])).map(({ name, schedule, autoRotate }) => ({
    name,
    // As if it were applied now: the first key is for today.
    runs: autoRotate ? upcomingRuns(schedule, localDate(schedule.timeZone, now), now, count) : [],
    because: autoRotate ? null : 'autoRotate is off, it rotates on request only',
  }));
}

function asJson({ utc, local, timeZone }: Run) {
  return { utc, local, timeZone };
}

function counted(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= maxCount) return count;
  throw new InvalidArgumentError(`It is a whole number from 1 to ${maxCount}.`);
}
