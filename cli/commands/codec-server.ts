import type { Command } from 'commander';

export function codecServerCommand(program: Command): void {
  program
    .command('codec-server')
    .description("let Temporal's Web UI and command line show what Keyturn encrypted; docs/codec-server.md")
    .addHelpText('after', '\nExample:\n  $ KEYTURN_CODEC_TOKENS_FILE=tokens.json keyturn codec-server\n')
    .action(async () => {
      const { runCodecServer } = await import('../run-codec-server.ts');
      await runCodecServer(process.env);
    });
}
