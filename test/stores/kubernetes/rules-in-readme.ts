import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Rule } from './cluster-under-test.ts';

const readme = readFileSync(new URL('../../../stores/kubernetes/README.md', import.meta.url), 'utf8');

/** The rules as the README has them for copying, for other Secrets than its `checkout`. */
export function rulesInReadme(...secrets: string[]): { existing: Rule[]; making: Rule[] } {
  const blocks = [...readme.matchAll(/```yaml\n([^`]*)```/g)].map(([, text]) => text ?? '');
  const role = blocks.find((text) => text.includes('kind: Role'));
  const more = blocks.find((text) => text.includes('[create]'));
  const named = (rules: Rule[]) =>
    rules.map((rule) => (rule.resourceNames === undefined ? rule : { ...rule, resourceNames: secrets }));
  return {
    existing: named((parse(role ?? '') as { rules: Rule[] }).rules),
    making: named(parse(more ?? '') as Rule[]),
  };
}
