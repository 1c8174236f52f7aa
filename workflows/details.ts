import type { PolicyStatus } from '../policy/life/status.ts';
import { shortHash } from './saga/step-table.ts';

/** What the Web UI shows of a policy, in Markdown. Times are UTC. */
export function detailsOf(status: PolicyStatus): string {
  const { policy, running, last, attention, dropped } = status;
  return [
    `**${status.name}** ${status.state}: ${status.because}`,
    ...attention.map(({ message, remedy }) => `> **Needs attention**: ${message}\n> ${remedy}`),
    ...dropped.map(({ why, at }) => `> **Ignored** (${at}): ${why}`),
    running && `### Rotation ${running.rotationId}\n${running.steps.map(stepLine).join('\n')}`,
    '### Keys',
    status.keys.length === 0 ? 'none yet' : status.keys.map(keyLine).join('\n'),
    status.owed.length === 0 ? null : `### Owed\n${status.owed.map(owedLine).join('\n')}`,
    '### Schedule',
    status.next === null ? 'no scheduled rotation' : `next: ${status.next.local} ${status.next.timeZone}`,
    last && `last: ${last.event} at ${last.at}${last.fault === null ? '' : ` (${last.fault.message})`}`,
    policy && `connection ${policy.connection}, secret ${policy.secret.name}`,
    status.stores.map(placeLine).join('\n'),
  ]
    .filter((line) => line)
    .join('\n\n');
}

function placeLine({
  store,
  secret,
  field,
  state,
  required,
  version,
  approvalUrl,
}: PolicyStatus['stores'][number]): string {
  const where = `${store} ${secret}${field === null ? '' : ` (${field})`}${required ? '' : ', optional'}`;
  return `- ${where}: ${state}${version === null ? '' : ` ${version}`}${approvalUrl === null ? '' : `, ${approvalUrl}`}`;
}

function stepLine({ step, state, note, tookMs }: PolicyStatus['lastSteps'][number]): string {
  return `- ${step} ${state} ${note}${tookMs === null ? '' : ` (${tookMs} ms)`}`;
}

function owedLine({ why, tries, retryAt, fault }: PolicyStatus['owed'][number]): string {
  return `- ${why}: tried ${tries === 1 ? 'once' : `${tries} times`}, again at ${retryAt}: ${fault.message}`;
}

function keyLine({ generation, hash, state, next, blocked }: PolicyStatus['keys'][number]): string {
  const then = next === null ? '' : `, ${next.action} at ${next.at}`;
  return `- #${generation} \`${shortHash(hash)}\` ${state}${then}${blocked === null ? '' : `: ${blocked.message}`}`;
}
