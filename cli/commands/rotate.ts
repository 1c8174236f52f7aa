import type { Command } from 'commander';
import type { Ticket } from '../../workflows/messages.ts';
import { type Output, outputOption } from '../output-option.ts';
import { print, printJson } from '../print.ts';

type Options = Output & { wait?: boolean; reason: string; endGrace?: boolean };

export function rotateCommand(program: Command): void {
  program
    .command('rotate')
    .description('rotate now, or as soon as a former key is out of the way')
    .argument('<name>', 'the policy')
    .option('--wait', 'show the steps as they happen; exit 1 if the rotation is undone')
    .option('--reason <text>', 'why; stands in history', 'the command line')
    .option('--end-grace', 'do not wait for the end of the grace of a former key: disable it first')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn rotate checkout --wait --reason "leaked in a log"\n')
    .action(async (name: string, { output, wait = false, reason, endGrace = false }: Options) => {
      const { withKeyturn } = await import('../with-keyturn.ts');
      await withKeyturn(async (keyturn) => {
        const ticket = await keyturn.rotate(name, { reason, endGrace });
        if (!wait) return output === 'json' ? printJson(ticket) : print(await ticketText(name, ticket));
        const { followRotation } = await import('../follow-rotation.ts');
        const { requirePublished } = await import('../rotation-outcome.ts');
        const follow = { name, rotationId: ticket.rotationId, shown: output === 'text' };
        const { record, steps } = await followRotation(keyturn, follow);
        if (output === 'json') printJson({ ...record, steps });
        requirePublished(record);
      });
    });
}

async function ticketText(name: string, { rotationId, waitsUntil, because }: Ticket): Promise<string> {
  const { inTime } = await import('../show/relative-time.ts');
  const { utcTime } = await import('../show/clock-time.ts');
  const when =
    waitsUntil === null
      ? because
      : `it waits until ${utcTime(waitsUntil)} (${inTime(waitsUntil, Date.now())}): ${because}`;
  return `Rotation ${rotationId} of ${name}: ${when}.\nSee keyturn status ${name}.`;
}
