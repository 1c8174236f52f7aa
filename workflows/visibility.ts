import { upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { PolicyStatus } from '../policy/life/status.ts';
import { searchAttributes } from './search-attributes.ts';

/** Keeps the search attributes true. Each change is an event in history, so only changes are written. */
export function showSearchAttributes(status: PolicyStatus): void {
  const shown = workflowInfo().typedSearchAttributes;
  const { state, nextRotation, connection, lastOutcome } = searchAttributes;
  const next = status.next === null ? null : new Date(status.next.utc);
  const changes = [
    ...(shown.get(state) === status.state ? [] : [{ key: state, value: status.state }]),
    ...(shown.get(nextRotation)?.getTime() === next?.getTime() ? [] : [{ key: nextRotation, value: next }]),
    ...(shown.get(connection) === status.policy?.connection
      ? []
      : [{ key: connection, value: status.policy?.connection ?? null }]),
    ...(shown.get(lastOutcome) === status.last?.event ? [] : [{ key: lastOutcome, value: status.last?.event ?? null }]),
  ];
  if (changes.length > 0) upsertSearchAttributes(changes);
}
