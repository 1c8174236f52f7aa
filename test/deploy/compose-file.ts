import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const composePath = fileURLToPath(new URL('../../docker-compose.yml', import.meta.url));

/** What the tests read of a service. Maps are written as maps in the file, and lists as lists. */
export type ComposeService = {
  image: string;
  build?: unknown;
  user?: string;
  command?: string[];
  environment?: Record<string, string>;
  depends_on?: Record<string, { condition: string }>;
  networks?: string[];
  volumes?: string[];
  secrets?: string[];
  ports?: string[];
  healthcheck?: { test?: string[]; disable?: boolean };
  restart?: string;
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  stop_grace_period?: string;
  deploy?: { replicas?: number };
};

export type ComposeFile = {
  services: Record<string, ComposeService>;
  networks: Record<string, { internal?: boolean } | null>;
  volumes: Record<string, unknown>;
  secrets: Record<string, { file: string }>;
};

/** Beside the former: a volume for the local vault. */
export const vaultComposePath = fileURLToPath(new URL('../../docker-compose.vault.yml', import.meta.url));

/** docker-compose.yml with its anchors followed. */
export function readComposeFile(): ComposeFile {
  return parse(readFileSync(composePath, 'utf8'), { merge: true }) as ComposeFile;
}

export function readVaultComposeFile(): Pick<ComposeFile, 'services' | 'volumes'> {
  return parse(readFileSync(vaultComposePath, 'utf8')) as ComposeFile;
}
