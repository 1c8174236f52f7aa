import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fault } from '../errors/keyturn-error.ts';

const HOST = '127.0.0.1';

/**
 * Below what systems give to outgoing connections (from 32768 on Linux, 49152 elsewhere) and to who listens on port 0:
 * a server that begins to listen seconds later still finds it free.
 */
const firstPort = 20_000;
const ports = 10_000;
/** That many that are taken by chance means something else. */
const tries = 100;

/** Whether a server can listen on this port of 127.0.0.1 right now. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, HOST);
  try {
    await once(server, 'listening');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
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
 * A port of 127.0.0.1 that is free, and stays so until it is used.
 *
 * @throws KEYTURN_PORT_IN_USE when the port that was asked for is taken
 */
export async function choosePort({ asked, usual, forWhat }: WantedPort): Promise<number> {
  const wanted = asked ?? usual;
  if (wanted !== 0 && (await isFree(wanted))) return wanted;
  if (asked) throw fault('KEYTURN_PORT_IN_USE', asked, forWhat);
  for (let n = 0; n < tries; n++) {
    const port = firstPort + randomInt(ports);
    if (await isFree(port)) return port;
  }
  throw fault('KEYTURN_INTERNAL', `no free port among ${tries} that were tried`);
}
