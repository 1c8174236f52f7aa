import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A file of the checkout or of the installed package, whose code is one folder deeper. */
export function packageFile(path: string): string {
  const [here, above] = ['../', '../../'].map((up) => fileURLToPath(new URL(`${up}${path}`, import.meta.url)));
  return existsSync(String(here)) ? String(here) : String(above);
}
