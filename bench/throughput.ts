import type { Client } from '@temporalio/client';
import { rotate, workflowId } from '../workflows/messages.ts';
import { noOpTools } from './no-op-tools.ts';
import { asleep, benchPolicy, historyOf, startPolicy } from './policy-runs.ts';
import type { Stack } from './stack.ts';
import { type Figure, median } from './table.ts';

/** Enough that the worker is never idle (it takes 40 workflow tasks at once); few enough for many rounds. */
const atOnce = 40;
/** Of each kind a round. Several times `atOnce`: Temporal lets a new workflow wait for a second now and then. */
const inARound = 160;
const rounds = 5;
const taskQueue = 'bench-throughput';

type Rates = { first: number; onDemand: number; bare: number };

/**
 * Rotations a second beside bare workflows with as many activities, on one worker and one server, in turns: the machine
 * is another one from minute to minute, so only pairs are compared.
 */
export async function throughput(stack: Stack): Promise<Figure[]> {
  const published = new Published();
  return stack.withWorker(taskQueue, noOpTools(stack.keyring, published.told), async ({ client }) => {
    const steps = await warmUp(client);
    const pairs: Rates[] = [];
    for (let round = 1; round <= rounds; round++) {
      const names = Array.from({ length: inARound }, (_, n) => `p${round}-${n}`);
      const first = await rate(names, async (name) => {
        const isPublished = published.next(name);
        await startPolicy(client, taskQueue, benchPolicy(name));
        await isPublished;
      });
      await allAsleep(client, names);
      const bare = await rate(names, (name) => runBare(client, `bare-${name}`, steps));
      const onDemand = await rate(names, async (name) => {
        const isPublished = published.next(name);
        await rotateNow(client, name);
        await isPublished;
      });
      await allAsleep(client, names);
      pairs.push({ first, onDemand, bare });
    }
    return figuresOf(pairs);
  });
}

/** Answers how many activities a first key takes, the check of its policy among them; a rotation on demand has its plan. */
async function warmUp(client: Client): Promise<number> {
  await startPolicy(client, taskQueue, benchPolicy('warm-up'));
  await asleep(client, 'warm-up');
  const { steps } = await historyOf(client, workflowId('warm-up'));
  await rotateNow(client, 'warm-up');
  await runBare(client, 'bare-warm-up', steps.length);
  return steps.length;
}

async function rotateNow(client: Client, name: string): Promise<void> {
  const request = { requestId: 'bench', reason: 'a benchmark' };
  await client.workflow.getHandle(workflowId(name)).executeUpdate(rotate, { args: [request] });
}

/**
 * Who waits for policies to publish hears of it from the last step, which runs in this process: asking would be work that
 * is measured too.
 */
class Published {
  readonly #waiting = new Map<string, () => void>();

  readonly told = (policy: string): void => this.#waiting.get(policy)?.();

  next(policy: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(policy, resolve));
  }
}

/** Until the last ones sleep too: what is left of them would be counted with what is measured next. */
async function allAsleep(client: Client, names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => asleep(client, name)));
}

async function runBare(client: Client, id: string, steps: number): Promise<void> {
  const target = { policy: id, store: 'local', secret: 'OPENROUTER_API_KEY' };
  await client.workflow.execute('bareWorkflow', { workflowId: id, taskQueue, args: [target, steps] });
}

async function rate(names: readonly string[], work: (name: string) => Promise<void>): Promise<number> {
  const started = performance.now();
  const left = names.values();
  const hands = Array.from({ length: atOnce }, async () => {
    for (const name of left) await work(name);
  });
  // Settled, not all: where one fails the others end too, before the connection is closed under them.
  const failed = (await Promise.allSettled(hands)).find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return names.length / ((performance.now() - started) / 1000);
}

function figuresOf(pairs: readonly Rates[]): Figure[] {
  const perSecond = { unit: '/s', budget: null };
  const middle = (of: (pair: Rates) => number) => median(pairs.map(of));
  return [
    { id: 'throughput.firstKeys', name: 'first keys issued', value: middle(({ first }) => first), ...perSecond },
    { id: 'throughput.onDemand', name: 'rotations on demand', value: middle((pair) => pair.onDemand), ...perSecond },
    {
      id: 'throughput.bare',
      name: 'bare workflows, as many activities',
      value: middle(({ bare }) => bare),
      ...perSecond,
    },
    {
      id: 'throughput.firstKeysRatio',
      name: 'first keys : bare workflows',
      value: middle(({ first, bare }) => first / bare),
      unit: '',
      budget: { atLeast: 0.9 },
    },
    {
      id: 'throughput.onDemandRatio',
      name: 'rotations on demand : bare workflows',
      value: middle(({ onDemand, bare }) => onDemand / bare),
      unit: '',
      budget: { atLeast: 0.95 },
    },
  ];
}
