import { readdirSync, readFileSync } from 'node:fs';

type Payload = { data: string };
type Attributes = {
  activityType?: { name: string };
  input?: { payloads: Payload[] };
  result?: { payloads: Payload[] };
  startToFireTimeout?: string;
  scheduledEventId?: string;
};
export type HistoryEvent = { eventId: string; eventType: string; eventTime: string };
export type RecordedHistory = { events: HistoryEvent[] };

export const folder = new URL('./histories/', import.meta.url);

/** `<release>/<scenario>-<n>`, each run in the order of its policy's life. */
export const recordedNames = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.replace('.json', ''))
  .sort();

export function recorded(name: string): RecordedHistory {
  return JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
}

export function eventsOf(history: RecordedHistory, type: string): HistoryEvent[] {
  return history.events.filter(({ eventType }) => eventType === `EVENT_TYPE_${type}`);
}

/** The attributes of an event: the one property that is named after its type. */
export function attributesOf(event: HistoryEvent | undefined): Attributes {
  const found = Object.entries(event ?? {}).find(([name]) => name.endsWith('EventAttributes'));
  if (found === undefined) throw new Error('no such event');
  return found[1] as Attributes;
}

export function firstPayload<Value>(payloads: { payloads: Payload[] } | undefined): Value {
  return JSON.parse(Buffer.from(payloads?.payloads[0]?.data ?? '', 'base64').toString());
}

/** What the run was started with. */
export function inputOf<Value>({ events }: RecordedHistory): Value {
  return firstPayload<Value>(attributesOf(events[0]).input);
}

/** It is open, and its last workflow task is complete: a worker that takes it over replays just this. */
export function endsAsleep({ events }: RecordedHistory): boolean {
  const types = events.map(({ eventType }) => eventType.replace('EVENT_TYPE_', ''));
  const task = types.findLastIndex((type) => type.startsWith('WORKFLOW_TASK_'));
  const commands = [
    'TIMER_STARTED',
    'TIMER_CANCELED',
    'UPSERT_WORKFLOW_SEARCH_ATTRIBUTES',
    'WORKFLOW_PROPERTIES_MODIFIED',
  ];
  const updates = ['WORKFLOW_EXECUTION_UPDATE_ACCEPTED', 'WORKFLOW_EXECUTION_UPDATE_COMPLETED'];
  return (
    types[task] === 'WORKFLOW_TASK_COMPLETED' &&
    types.slice(task + 1).every((type) => commands.includes(type) || updates.includes(type))
  );
}
