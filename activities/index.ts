import { captureSecret } from './capture-secret.ts';
import { checkPolicy } from './check-policy.ts';
import { createKey } from './create-key.ts';
import { deleteKey } from './delete-key.ts';
import { disableKey } from './disable-key.ts';
import { findLiveKeys } from './find-live-keys.ts';
import { confirmRun, planRun } from './plan-run.ts';
import { reapKey } from './reap-key.ts';
import { removeSecret } from './remove-secret.ts';
import { renameKey } from './rename-key.ts';
import { restoreSecret } from './restore-secret.ts';
import { sealAnew } from './seal-anew.ts';
import { storeSecret } from './store-secret.ts';
import type { Tools } from './tools.ts';
import { verifyKey } from './verify-key.ts';
import { verifySecret } from './verify-secret.ts';

export type Activities = ReturnType<typeof createActivities>;

/** Every step, with what it works with handed in. */
export function createActivities(tools: Tools) {
  return {
    createKey: createKey(tools),
    verifyKey: verifyKey(tools),
    captureSecret: captureSecret(tools),
    storeSecret: storeSecret(tools),
    verifySecret: verifySecret(tools),
    restoreSecret: restoreSecret(tools),
    renameKey: renameKey(tools),
    reapKey: reapKey(tools),
    disableKey: disableKey(tools),
    deleteKey: deleteKey(tools),
    removeSecret: removeSecret(tools),
    checkPolicy: checkPolicy(tools),
    findLiveKeys: findLiveKeys(tools),
    sealAnew: sealAnew(tools),
    planRun,
    confirmRun,
  };
}
