import { readFileSync, writeFileSync } from 'node:fs';
import { storesTable } from './stores-table.ts';

const page = new URL('../docs/stores.md', import.meta.url);
const [before = '', , after = ''] = readFileSync(page, 'utf8').split(/<!-- (?:table|end) -->\n/);
writeFileSync(page, `${before}<!-- table -->\n${storesTable()}<!-- end -->\n${after}`);
