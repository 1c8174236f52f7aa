import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineSignal,
  defineUpdate,
  setHandler,
  setWorkflowOptions,
  workflowInfo,
} from '@temporalio/workflow';
import { deploymentName } from './messages.ts';

export const placeLeaseType = 'placeLease';

/** `digest` of the address: ids are never encrypted, and an address may be longer than they may be. */
export function placeLeaseId(digest: string): string {
  return `place-lease/${digest}`;
}

/** `over`: the owner that was found to exist no longer. */
export type Claim = { policy: string; field: string | null; over: string | null };
export type Release = { policy: string; field: string | null };

/** Answers the policy that has the place, or what overlaps with it; null: it is the claimer's now. */
export const claim = defineUpdate<string | null, [Claim]>('claim');
export const release = defineSignal<[Release]>('release');

function isOfBuild(): boolean {
  return workflowInfo().currentDeploymentVersion?.deploymentName === deploymentName;
}

/** Owners by field; the whole value is the field ''. */
type Owners = Record<string, string>;

/**
 * Who may write to one address of a store that cannot tell whose it is: one workflow an address, alive while somebody has
 * it. Temporal makes it the only one of its id, whatever hosts the workers run on.
 *
 * @param passedOn the owners, from run to run
 */
export async function placeLease(passedOn: Owners = {}): Promise<void> {
  let owners: Owners = { ...passedOn };
  setHandler(claim, ({ policy, field, over }) => {
    const other = overlapping(owners, field).find((owner) => owner !== policy && owner !== over);
    if (other !== undefined) return other;
    owners = { ...withoutOwner(owners, over), [field ?? '']: policy };
    return null;
  });
  setHandler(release, ({ policy, field }) => {
    if (owners[field ?? ''] === policy) owners = without(owners, field ?? '');
  });
  const isFree = () => Object.keys(owners).length === 0;
  // The claim that starts it arrives with it.
  await condition(() => !isFree(), '1 minute');
  await condition(() => isFree() || workflowInfo().continueAsNewSuggested);
  await condition(allHandlersFinished);
  if (!isFree()) await continueAsNew<typeof placeLease>(owners);
}

// A lease outlives every build of the code, and has nothing that a build could change under it. Of workers that show no
// build the server takes no word about builds.
setWorkflowOptions(() => (isOfBuild() ? { versioningBehavior: 'AUTO_UPGRADE' } : {}), placeLease);

function overlapping(owners: Owners, field: string | null): string[] {
  return Object.entries(owners)
    .filter(([held]) => held === '' || field === null || held === field)
    .map(([, owner]) => owner);
}

function withoutOwner(owners: Owners, owner: string | null): Owners {
  return Object.fromEntries(Object.entries(owners).filter(([, policy]) => policy !== owner));
}

function without(owners: Owners, field: string): Owners {
  return Object.fromEntries(Object.entries(owners).filter(([held]) => held !== field));
}
