import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

const mebibyte = 2 ** 20;

/** What a worker's sizes follow from; bytes. */
export type Memory = {
  /** What the process may have in all: the limit of its container, or the machine. */
  limit: number;
  /** What V8 allows each thread's heap: the policies are in one, everything else of ours in another. */
  heapLimit: number;
};

/** Sizes as `@temporalio/worker` has them. */
export type Capacity = {
  maxCachedWorkflows: number;
  maxConcurrentActivityTaskExecutions: number;
  maxConcurrentWorkflowTaskExecutions: number;
};

/** The process itself, without a policy: 200 MiB, and some air. */
const empty = 256 * mebibyte;
/** Of the rest. What work takes: 600 of 2,000 policies that rotated at once took 160 MiB more than 2,000 asleep. */
const cacheShare = 2 / 3;
/** A cached policy takes 160 KiB with the allocator set as the image sets it, 330 KiB without (docs/deploy.md). */
const perPolicy = 256 * 1024;
/** Of that, heap: 80 KiB. Twice that, since V8 needs room to collect garbage. */
const heapPerPolicy = 160 * 1024;
const cached = { atLeast: 50, atMost: 10_000 };

/** Most places for work: steps of stores; those that wait for a turn with OpenRouter are in no worker (connection-workers.ts). */
const most = { activities: 200, workflowTasks: 40 };
/** With less memory than this there are fewer of them. */
const enough = 1024 * mebibyte;

/** @param maxCachedPolicies what a person has set; null: from the memory */
export function capacityOf({ limit, heapLimit }: Memory, maxCachedPolicies: number | null): Capacity {
  const spare = Math.max(0, limit - empty);
  const fitting = Math.floor(Math.min((spare * cacheShare) / perPolicy, heapLimit / heapPerPolicy));
  const places = Math.min(1, Math.max(0.1, spare / (enough - empty)));
  return {
    maxCachedWorkflows: maxCachedPolicies ?? Math.min(cached.atMost, Math.max(cached.atLeast, fitting)),
    maxConcurrentActivityTaskExecutions: Math.round(most.activities * places),
    maxConcurrentWorkflowTaskExecutions: Math.round(most.workflowTasks * places),
  };
}

/** The memory of this process. */
export function memoryHere(): Memory {
  const constrained = process.constrainedMemory();
  const total = totalmem();
  const limit = constrained > 0 && constrained < total ? constrained : total;
  return { limit, heapLimit: getHeapStatistics().heap_size_limit };
}
