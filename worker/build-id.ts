import { createHash } from 'node:crypto';
import { posix } from 'node:path';

/** Long enough that no two builds share it, short enough to be read out. */
const idLength = 12;

/** A module as the bundler writes it: its path in quotes, then its code. */
const module = /^\/\*\*\*\/ "([^"]+)"\n([\s\S]*?)^\/\*\*\*\/ \}/gm;
/** How the bundle reaches the file with the workflows. */
const entry = /importWorkflows\(\) \{\s+return __webpack_require__\(.*"([^"]+)"\)/;
const sourceMap = /\n\/\/# sourceMappingURL=.*$/gm;
/** Comments of the bundler with the path of a module, as asked for or in a banner. */
const pathComment = /\/\*![\s\S]*?\*\/ ?/g;

/**
 * The name of a workflow bundle's code: the same code has the same one, wherever it lies and was bundled. So a release
 * that changes no workflow code has the build id of the one before it, and moves nobody.
 *
 * What the bundler writes of a machine is taken out: the source map, the paths of modules, and their order, which follows
 * from the paths. Temporal's own code for workflows is part of the bundle, and counts. Compiled code (an installed package)
 * is another text than its sources (a checkout), with another id.
 */
export function buildIdOf({ code }: { code: string }): string {
  const lean = code.replace(sourceMap, '').replace(pathComment, '');
  const home = homeOf(lean);
  const paths = new Set([...lean.matchAll(module)].map(([, path = '']) => path));
  const placeless = (text: string) =>
    text.replace(/"([^"\n]+)"/g, (quoted, path: string) =>
      paths.has(path) ? `"${placelessPath(path, home)}"` : quoted,
    );
  const modules = [...lean.matchAll(module)].map(([text]) => placeless(text)).sort();
  const around = placeless(lean.replace(module, ''));
  return createHash('sha256')
    .update([...modules, around].join('\n'))
    .digest('hex')
    .slice(0, idLength);
}

/** The folder above that of the workflows, with a slash. */
function homeOf(code: string): string {
  const [, file = ''] = entry.exec(code) ?? [];
  return `${posix.dirname(posix.dirname(file))}/`;
}

/** As seen from Keyturn's own folder, or from the packages' folder: npm puts that in different places. */
function placelessPath(path: string, home: string): string {
  const within = path.startsWith(home) ? path.slice(home.length) : path;
  return String(within.split('node_modules/').at(-1));
}
