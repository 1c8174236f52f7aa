import { expect, test } from 'vitest';
import { capacityOf } from '../../worker/capacity.ts';

const mebibyte = 2 ** 20;
const sizes = (limitMiB: number, heapMiB = 4096, set: number | null = null) =>
  Object.values(capacityOf({ limit: limitMiB * mebibyte, heapLimit: heapMiB * mebibyte }, set));

test('the container of the deployment holds 2,000 policies, as docs/deploy.md promises', () => {
  expect(sizes(1024, 384)).toEqual([2_048, 200, 40]);
});

test('a smaller container holds fewer and does less at once, or the kernel would kill its worker', () => {
  expect(sizes(512)).toEqual([682, 67, 13]);
  expect(sizes(200)).toEqual([50, 20, 4]);
});

test('a small heap bounds the cache in a large container, or V8 would end the worker', () => {
  expect(sizes(8_192, 128)).toEqual([819, 200, 40]);
});

test('a large machine keeps to a bound, and what a person has set goes', () => {
  expect(sizes(65_536)[0]).toBe(10_000);
  expect(sizes(512, 4096, 5_000)[0]).toBe(5_000);
});
