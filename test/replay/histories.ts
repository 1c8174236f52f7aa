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

const folder = new URL('./histories/', import.meta.url);

export const recordedNames = readdirSync(folder).map((file) => file.replace('.json', ''));

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
