import { fileURLToPath } from 'node:url';

/** The program of this command line: `cli/main.ts` of a checkout, `main.js` of the package. */
export const mainFile = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url),
);

/** How a person calls it, in what is printed for copying. */
export const calledAs = mainFile.endsWith('.ts') ? 'npm run -s keyturn --' : 'npx keyturn';
