import { expect, inject, test } from 'vitest';
import { issueFirstKey, policyNamed } from './rotation.ts';
import { startStack } from './stack.ts';
import { buildCommands, expectRotates, rollForwardAndBack } from './two-builds.ts';
import { startWorker } from './worker-process.ts';

// Code is exchanged under policies that sleep and work. The development server is 1.29, where each run goes over to the
// current build with its next turn; test/production does the same where runs stay with their build.

test('two builds side by side, forward and back: nobody is lost between them', { timeout: 90_000 }, async () => {
  const stack = await startStack(inject('temporalCli'));
  try {
    await rollForwardAndBack(stack, { pinned: false });
  } finally {
    await stack.close();
  }
});

test('without worker versioning all works, and asking for builds says why there are none', {
  timeout: 60_000,
}, async () => {
  const stack = await startStack(inject('temporalCli'), { 'system.enableDeploymentVersions': false });
  const worker = startWorker(stack);
  try {
    await worker.ready;
    await issueFirstKey(stack.keyturn, policyNamed('plain', { graceMs: 0, quarantineMs: 0 }));
    const { run } = buildCommands(stack);
    expect(await run('build', 'list')).toMatchObject({ exit: 4, code: 'KEYTURN_VERSIONING_OFF' });
    expect(await run('build', 'current', 'any')).toMatchObject({ exit: 4, code: 'KEYTURN_VERSIONING_OFF' });
    expect(await run('refresh', '--all')).toEqual({ current: null, moved: ['plain'], waiting: [] });
    expect(await run('refresh', 'nobody')).toMatchObject({ exit: 3, code: 'KEYTURN_POLICY_UNKNOWN' });
    await expectRotates(stack, 'plain');
  } finally {
    await worker.kill('SIGTERM');
    await stack.close();
  }
});
