import { z } from 'zod';
import { fieldWords } from '../../errors/field-words.ts';
import { type SecretReference, secretReference } from '../../secrets/secret-reference.ts';
import type { ReadersFollow, StorePromises } from '../promises.ts';
import { readersFollow } from '../readers-follow.ts';
import { isNamespace } from './secret-address.ts';

/** A cluster as keyturn.yaml declares it. Without a kubeconfig it is the one that the worker runs in. */
export type DeclaredKubernetes = {
  kind: 'kubernetes';
  kubeconfig?: SecretReference | undefined;
  context?: string | undefined;
  namespace?: string | undefined;
  allowExec?: boolean | undefined;
  allowInsecure?: boolean | undefined;
  readersFollow?: ReadersFollow | undefined;
};

/**
 * Environment variables, and files mounted by `subPath`, have a Secret's new value at the pod's next start and never
 * before; other volumes follow within the kubelet's sync and cache delay (facts §4.6), which only a declaration can know of.
 */
export const promises: StorePromises = {
  readsBack: true,
  comparesAndSets: true,
  // A write that is late goes over what it saw: where an undo found nothing to put back, it still would.
  fences: false,
  owns: false,
  versions: false,
  // resourceVersion: the cluster counts every change of the Secret, and gives one made anew no number that was there before.
  countsWrites: true,
  // A GET without resourceVersion is answered from a quorum (facts §4.6).
  readsLagMs: 0,
  readersFollow: { at: 'restart' },
};

const contextWords = fieldWords('is not the name of a context', 'one of those in the kubeconfig');
const namespaceWords = fieldWords('is not the name of a namespace', 'lowercase letters, digits and hyphens, up to 63');
const yesWords = fieldWords('is neither true nor false', 'true or false');

export const schema = z
  .strictObject({
    kind: z.literal('kubernetes'),
    kubeconfig: secretReference.optional(),
    context: z.string(contextWords).min(1, contextWords).max(512, contextWords).optional(),
    namespace: z.string(namespaceWords).refine(isNamespace, namespaceWords).optional(),
    allowExec: z.boolean(yesWords).optional(),
    allowInsecure: z.boolean(yesWords).optional(),
    readersFollow: readersFollow.optional(),
  })
  .superRefine(({ kubeconfig, ...declared }, found) => {
    if (kubeconfig !== undefined) return;
    for (const field of ['context', 'allowExec', 'allowInsecure'] as const) {
      if (declared[field] === undefined) continue;
      found.addIssue({
        code: 'custom',
        path: [field],
        message: 'is about a kubeconfig, and there is none; kubeconfig: { file: PATH } beside it',
      });
    }
  });
