import { setTimeout } from 'node:timers/promises';
import type { Waiting } from '../stores/conditional-store.ts';

/** The time of a program that is no worker: nothing ends its waits early. */
export const ownTime: Waiting = { now: Date.now, wait: (ms) => setTimeout(ms) };
