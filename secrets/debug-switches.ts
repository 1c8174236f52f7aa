import { fault } from '../errors/keyturn-error.ts';

/**
 * What Node's own debug output shows of what passes through the process, section by section: headers, chunks, paths, the
 * environment of a child. A test goes through all sections that this Node has.
 */
const tellingSections = [
  ...['http', 'https', 'http2', 'quic', 'tls', 'net', 'stream', 'stream_socket', 'undici', 'fetch', 'websocket'],
  ...['child_process', 'worker'],
];

/** Options of Node that leave the keys of TLS connections, or all of its memory, in a file. */
const tellingOptions = ['--tls-keylog', '--heapsnapshot-signal', '--heapsnapshot-near-heap-limit'];

/** What libraries read when they are loaded. None of them is Keyturn's way to be looked into: that is KEYTURN_LOG_LEVEL. */
const librarySwitches = [
  ...['DEBUG', 'GOOGLE_SDK_NODE_LOGGING', 'AZURE_LOG_LEVEL'],
  ...['GRPC_TRACE', 'GRPC_NODE_TRACE', 'GRPC_VERBOSITY', 'GRPC_NODE_VERBOSITY'],
];

/**
 * Sees to it that neither Node nor a library writes down what is sent: to be called before one is loaded. Switches that
 * libraries read are cleared in `env`; those that Node has read already, at its start, cannot be.
 *
 * @returns the names of what was cleared
 * @throws KEYTURN_DEBUG_PRINTS_SECRETS
 */
export function quietDebugSwitches(
  env: Record<string, string | undefined> = process.env,
  execArgv: readonly string[] = process.execArgv,
): string[] {
  const sections = sectionsOf(env.NODE_DEBUG ?? '');
  if (sections.length > 0) throw fault('KEYTURN_DEBUG_PRINTS_SECRETS', `NODE_DEBUG (${sections.join(', ')})`);
  const given = [...execArgv, ...(env.NODE_OPTIONS ?? '').split(/[\s"]+/)].map((word) => word.replaceAll('_', '-'));
  const option = tellingOptions.find((name) => given.some((word) => word === name || word.startsWith(`${name}=`)));
  if (option !== undefined) throw fault('KEYTURN_DEBUG_PRINTS_SECRETS', `Node's option ${option}`);
  const cleared = librarySwitches.filter((name) => env[name] !== undefined);
  for (const name of cleared) delete env[name];
  return cleared;
}

/** The telling sections that a value of NODE_DEBUG switches on, understood as Node does: `h*,TLS` are three of them. */
function sectionsOf(value: string): string[] {
  const pattern = value
    .replaceAll(/[|\\{}()[\]^$+?.]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll(',', '$|^');
  const isOn = new RegExp(`^${pattern}$`, 'i');
  return tellingSections.filter((section) => isOn.test(section));
}
