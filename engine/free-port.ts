import { once } from 'node:events';
import { createServer } from 'node:net';
import { fault } from '../errors/keyturn-error.ts';

const HOST = '127.0.0.1';

/** Whether a server can listen on this port of 127.0.0.1 right now; with 0, which free port the system gave. */
async function listenOnce(port: number): Promise<number | undefined> {
  const server = createServer().listen(port, HOST);
  try {
    await once(server, 'listening');
    const address = server.address();
    return typeof address === 'object' ? address?.port : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  } finally {
    server.close();
  }
}

export type WantedPort = {
  /** What the user asked for: this one or none. 0 asks for any free port. */
  asked: number | undefined;
  /** Taken when nothing was asked for and it is free; else any free port. */
  usual: number;
  forWhat: string;
};

/**
 * A port of 127.0.0.1 that is free at this moment.
 *
 * @throws KEYTURN_PORT_IN_USE when the port that was asked for is taken
 */
export async function choosePort({ asked, usual, forWhat }: WantedPort): Promise<number> {
  const port = await listenOnce(asked ?? usual);
  if (port !== undefined) return port;
  if (asked) throw fault('KEYTURN_PORT_IN_USE', asked, forWhat);
  const free = await listenOnce(0);
  if (free === undefined) throw fault('KEYTURN_INTERNAL', 'the system gave no free port');
  return free;
}
