import { type Command, InvalidArgumentError } from 'commander';
import { type Output, outputOption } from '../output-option.ts';
import { jsonOf, printSecret } from '../print.ts';

type Options = Output & { port: number; state?: string };

export function simulatorCommand(program: Command): void {
  program
    .command('simulator')
    .description('run a stand-in for OpenRouter, with faults on request; its management key is printed')
    .option('--port <port>', 'where it listens on 127.0.0.1; 0 takes a free one', port, 4010)
    .option('--state <file>', 'keep its account there; without it, everything is gone when it ends')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn simulator --port 4010 --state account.json\n')
    .action(async ({ port: wanted, state, output }: Options) => {
      const { choosePort } = await import('../../engine/free-port.ts');
      const { startSimulator } = await import('../../simulator/index.ts');
      const { untilAskedToStop } = await import('../stop-signals.ts');
      const asked = await choosePort({ asked: wanted, usual: wanted, forWhat: 'the OpenRouter simulator' });
      const simulator = await startSimulator({ port: asked, ...(state === undefined ? {} : { stateFile: state }) });
      const { url, controlUrl, managementKey } = simulator;
      if (output === 'json') printSecret(jsonOf({ url, controlUrl, managementKey }));
      else
        printSecret(
          `OpenRouter simulator   ${url}\ncontrol                ${controlUrl}\nmanagement key         ${managementKey}`,
        );
      await untilAskedToStop();
      await simulator.close();
    });
}

export function port(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0 && number <= 65_535) return number;
  throw new InvalidArgumentError('It is a port, 0 to 65535.');
}
