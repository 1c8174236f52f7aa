import { Context } from '@temporalio/activity';
import { type Activities, createActivities } from '../../activities/index.ts';
import type { Policy } from '../../policy/declared/policy.ts';

/** What a step did, and when by the server's clock. */
export type Call = { step: string; policy: string; hash: string; at: string };

/** Steps that only note what is asked of them; the planning is the real one. */
export function notingActivities(calls: Call[]): Activities {
  let made = 0;
  const note = (step: string, hash: string) => {
    const { info } = Context.current();
    const at = new Date(info.scheduledTimestampMs).toISOString();
    calls.push({ step, policy: info.workflowExecution?.workflowId ?? '', hash, at });
  };
  const never = () => {
    throw new Error('these tests have no tools');
  };
  const { planRun, confirmRun } = createActivities({
    openrouter: never,
    store: never,
    leases: { claim: never, release: never },
    stillOurs: never,
    keyring: { activeId: '', key: never },
    settings: { verify: { consecutive: 1, intervalMs: 0, deadlineMs: 0 }, reapLooksMs: [] },
    now: never,
    wait: never,
    giveWay: never,
    once: never,
  });
  return {
    planRun,
    confirmRun,
    checkPolicy: async ({ policy }) => ({ policy: policy as Policy }),
    findLiveKeys: async () => [],
    sealAnew: async ({ sealed }) => sealed as never,
    createKey: async () => {
      const hash = String(++made).padStart(64, '0');
      note('createKey', hash);
      return { hash, sealed: 'kt1.test.x' as never, digest: hash, expiresAt: null };
    },
    verifyKey: async () => ({ accepted: 1 }),
    captureSecret: async () => ({ sealed: 'kt1.test.before', note: '', lostWriteLifeMs: null }),
    storeSecret: async () => ({ version: null, approval: null }),
    verifySecret: async () => 'matches',
    restoreSecret: async () => ({ shown: false, approval: null, left: null }),
    renameKey: async ({ hash }) => note('renameKey', hash),
    reapKey: async () => ({ found: false }),
    disableKey: async ({ key }) => {
      note('disableKey', key.hash);
      return { gone: false };
    },
    deleteKey: async ({ key }) => {
      note('deleteKey', key.hash);
      return { gone: false };
    },
    removeSecret: async () => 'removed',
  };
}
