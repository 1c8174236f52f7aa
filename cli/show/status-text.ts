import pc from 'picocolors';
import { leftInWords } from '../../client/earlier-runs.ts';
import { whyNoRun } from '../../client/upcoming.ts';
import type { KeyStatus, PlaceStatus, PolicyStatus } from '../../policy/life/status.ts';
import { epochMs, plus } from '../../policy/time/instant.ts';
import { shortHash } from '../../workflows/saga/step-table.ts';
import { localAndUtc, utcTime } from './clock-time.ts';
import { beside, table, width, wrapped } from './layout.ts';
import { ago, inTime, span } from './relative-time.ts';
import { faultWords, reasonWords, recordWords } from './rotation-words.ts';
import { runningLine, stepLine } from './step-lines.ts';

const labelColumns = 10;

/** What `keyturn status` prints, at most 80 columns wide. `now`: milliseconds since the epoch. */
export function statusText(status: PolicyStatus, now: number): string {
  const text = (words: string) => wrapped(words, width - labelColumns);
  const sections: [label: string, lines: string[]][] = [
    ['now', runningLines(status, now, text)],
    ['retry', retryLines(status, now, text)],
    ['next', nextLines(status, now, text)],
    ['keys', keyLines(status, now)],
    ['stores', storeLines(status, now)],
    ['last', lastLines(status, now, text)],
    ['strays', strayLines(status, text)],
    ['owed', owedLines(status, now, text)],
    ['leaves', leavesLines(status, text)],
    ['ignored', status.dropped.flatMap(({ why, at }) => text(`${why} First ${ago(at, now)}.`))],
    ['attention', attentionLines(status, text)],
  ];
  // A long name takes its room from the first line only.
  const name = status.name.padEnd(labelColumns - 2);
  const [first, ...more] = wrapped(headline(status, now), width - labelColumns, width - name.length - 2);
  return [
    `${pc.bold(name)}  ${first}`,
    ...beside('', labelColumns, more),
    ...sections.flatMap(([label, lines]) => beside(label, labelColumns, lines)),
  ].join('\n');
}

/** The state and why, in one sentence. */
function headline(status: PolicyStatus, now: number): string {
  const { state, because, paused, running, wakesAt } = status;
  const waiting = wakesAt === null ? because : `sleeping until ${because}`;
  switch (state) {
    case 'sleeping':
      return wakesAt === null ? `sleeping: ${because}` : waiting;
    case 'paused': {
      const why = paused?.reason ? `: ${paused.reason}` : '';
      return `paused ${paused === null ? '' : ago(paused.at, now)}${why}`;
    }
    case 'rotating':
      return running === null ? 'rotating' : `rotating: ${reasonWords(running.reason)}`;
    case 'retrying':
      return 'retrying a rotation that was undone; the key from before goes on working';
    case 'needs-attention':
      return `needs attention (below); ${running === null ? waiting : 'a rotation is under way'}`;
    case 'ending':
      return `being deleted; ${waiting}`;
    case 'new':
      return status.policy === null ? 'no policy was applied yet' : 'waits for its first key';
  }
}

type Wrap = (words: string) => string[];

function runningLines({ running }: PolicyStatus, now: number, text: Wrap): string[] {
  if (running === null) return [];
  const tries = running.attempt > 1 ? `, try ${running.attempt}` : '';
  return [
    ...text(`rotation ${running.rotationId}${tries}, begun ${ago(running.startedAt, now)}`),
    ...running.steps.flatMap((step) => (step.state === 'running' ? text(runningLine(step)) : stepLine(step))),
  ];
}

function retryLines({ pending, last, running }: PolicyStatus, now: number, text: Wrap): string[] {
  if (pending === null || pending.attempt === 1 || running !== null) return [];
  const at = last?.nextAttemptAt ?? pending.notBefore;
  return text(`try ${pending.attempt} ${inTime(at, now)}, at ${utcTime(at)}`);
}

function nextLines(status: PolicyStatus, now: number, text: Wrap): string[] {
  const { next } = status;
  return text(next === null ? `none: ${whyNoRun(status)}` : `${localAndUtc(next)}, ${inTime(next.utc, now)}`);
}

function keyLines({ keys, policy }: PolicyStatus, now: number): string[] {
  if (keys.length === 0) return ['none yet'];
  return table(
    keys.map((key) => [
      `#${key.generation} ${shortHash(key.hash)}`,
      key.withdrawn ? `${key.state}, withdrawn` : key.state,
      key.since === null ? '' : span(now - epochMs(key.since)),
      keyFuture(key, policy?.quarantineMs ?? null, now),
    ]),
  );
}

function keyFuture({ next, blocked }: KeyStatus, quarantineMs: number | null, now: number): string {
  if (next === null) return '';
  const done = next.action === 'disable' ? 'disabled' : 'deleted';
  if (blocked !== null) return `not ${done} yet, tried again ${inTime(next.at, now)}`;
  if (next.action === 'delete' || quarantineMs === null) return `${done} ${inTime(next.at, now)}`;
  return `disabled ${inTime(next.at, now)}, deleted ${inTime(plus(next.at, quarantineMs), now)}`;
}

function storeLines({ stores }: PolicyStatus, now: number): string[] {
  return table(
    stores.map((place) => {
      const { store, secret, field, required, version } = place;
      const named = `${secret}${field === null ? '' : ` (${field})`}`;
      const stands = `${placeState(place, now)}${version === null || version.length > 12 ? '' : `, version ${version}`}`;
      return [store, named, required ? stands : `${stands}; optional`];
    }),
  );
}

function placeState({ state, verdict, verifiedAt, generation, approvalUrl }: PlaceStatus, now: number): string {
  const seen = verifiedAt === null ? '' : ago(verifiedAt, now);
  switch (state) {
    case 'current':
      return verdict === 'unverified' ? `written ${seen}; it never shows a value` : `verified ${seen}`;
    case 'behind':
      return `still key #${generation}, seen ${seen}`;
    case 'empty':
      return 'not written yet';
    case 'waits':
      return `waits for approval: ${approvalUrl}`;
    case 'changed':
      return 'somebody else has written to it';
  }
}

function leavesLines({ leaves }: PolicyStatus, text: Wrap): string[] {
  if (leaves === null) return [];
  return leftInWords(leaves).flatMap((one) => text(one));
}

function lastLines({ last }: PolicyStatus, now: number, text: Wrap): string[] {
  if (last === null) return [];
  const why = last.fault === null ? [] : text(faultWords(last.fault));
  return [...text(`${recordWords(last)}, ${ago(last.at, now)}`), ...why];
}

function strayLines({ strays }: PolicyStatus, text: Wrap): string[] {
  if (strays.length === 0) return [];
  const many = strays.length === 1 ? 'a key' : `${strays.length} keys`;
  return text(`${many} whose creation was never answered, looked for`);
}

/** A rotation that is tried again has a line of its own. */
function owedLines({ owed }: PolicyStatus, now: number, text: Wrap): string[] {
  return owed
    .filter(({ duty }) => duty !== 'rotate')
    .flatMap(({ why, tries, retryAt, fault }) =>
      text(`${why}: tried ${tries === 1 ? 'once' : `${tries} times`}, again ${inTime(retryAt, now)}. ${fault.message}`),
    );
}

function attentionLines({ attention }: PolicyStatus, text: Wrap): string[] {
  return attention.flatMap((one) => [...text(faultWords(one)), ...text(`→ ${one.remedy}`)]);
}
