export { placeLease } from './place-lease.ts';
export { rotationPolicy } from './rotation-policy.ts';

// Errors of the sandbox have no stacks. The SDK takes one for each promise and keeps it while that waits, to answer a query
// (`__stack_trace`) that nobody needs here: half of the heap of a policy that sleeps. Ours are told apart by their codes.
// This runs once a worker, before the SDK freezes what policies share.
Reflect.deleteProperty(Error, 'stackTraceLimit');
