import { nearest } from './nearest.ts';

/**
 * Every error a person can meet, in one table. `docs/errors.md` is generated from it.
 *
 * `kind` decides what happens next: `terminal` is not retried, `transient` is, `ambiguous` means the other side may or
 * may not have done it, `needs-attention` waits for a person while Keyturn goes on trying.
 * `exit` is the exit code of the command line (design §9) where it is not 1.
 */
export type FaultKind = 'terminal' | 'transient' | 'ambiguous' | 'needs-attention';
export type ExitCode = 1 | 2 | 3 | 4 | 5;

type Faults = Record<
  `KEYTURN_${string}`,
  { kind: FaultKind; exit?: ExitCode; says: (...args: never[]) => string; remedy: string }
>;

export type FaultCode = keyof typeof faults;

export const faults = {
  // A wrong command line, file or name
  KEYTURN_USAGE: {
    kind: 'terminal',
    exit: 2,
    says: (what: string) => what,
    remedy: 'See the command with --help.',
  },
  KEYTURN_TEXT_TOO_LONG: {
    kind: 'terminal',
    exit: 2,
    says: (what: string, length: number, most: number) => `${what} has ${length} characters; it may have ${most}.`,
    remedy: 'Shorten it, and put the rest where people look for it: a ticket, for example.',
  },
  KEYTURN_FILE_UNREADABLE: {
    kind: 'terminal',
    exit: 2,
    says: (file: string, why: string) => `${file} cannot be read: ${why}.`,
    remedy: 'Check the path and its permissions.',
  },
  KEYTURN_DEBUG_PRINTS_SECRETS: {
    kind: 'terminal',
    exit: 2,
    says: (what: string) => `With ${what}, Node writes down what passes through this process: keys and secrets.`,
    remedy: 'Take it away and start again: Node has read it by now. KEYTURN_LOG_LEVEL=debug is for looking closer.',
  },
  KEYTURN_CONFIG_INVALID: {
    kind: 'terminal',
    exit: 2,
    says: (problems: string) => problems,
    remedy: 'Correct keyturn.yaml. Its format is in docs/configuration.md.',
  },
  KEYTURN_POLICY_INVALID: {
    kind: 'terminal',
    exit: 2,
    says: (problems: string) => problems,
    remedy: 'Correct the file and apply it again; nothing was changed. The format is in docs/policy.md.',
  },
  KEYTURN_POLICY_UNKNOWN: {
    kind: 'terminal',
    exit: 3,
    says: (name: string, known: readonly string[]) => `There is no policy "${name}". ${nearest(name, known)}`,
    remedy: 'keyturn list shows every policy; keyturn apply -f FILE makes one.',
  },
  KEYTURN_ROTATION_UNKNOWN: {
    kind: 'terminal',
    exit: 3,
    says: (policy: string, rotationId: string) => `Policy "${policy}" knows of no rotation ${rotationId}.`,
    remedy: 'keyturn history NAME shows the last ones.',
  },
  KEYTURN_POLICY_ENDING: {
    kind: 'terminal',
    exit: 4,
    says: (name: string) => `Policy "${name}" is being deleted and takes no more requests.`,
    remedy: 'Wait until keyturn list no longer shows it, then apply it again.',
  },
  KEYTURN_POLICY_FIXED: {
    kind: 'terminal',
    exit: 4,
    says: (field: string, held: string, asked: string) =>
      `${field} is ${held} and cannot become ${asked}: keys and secrets in use depend on it.`,
    remedy: 'Make a second policy with another name, move its readers over, then delete the first.',
  },

  KEYTURN_POLICY_ENDED: {
    kind: 'terminal',
    exit: 3,
    says: (name: string, how: string, left: string) => `Policy "${name}" ended (${how}). Left behind: ${left}.`,
    remedy: "What is left behind is nobody's now: take it over, or remove it in OpenRouter and in the stores.",
  },
  KEYTURN_POLICY_NEWER: {
    kind: 'needs-attention',
    exit: 4,
    says: (name: string, version: number, known: number) =>
      `A newer Keyturn wrote the state of policy "${name}" (version ${version}; this worker knows ${known}). It waits.`,
    remedy: 'Run workers of the newer version: docs/deploy.md. Nothing is changed or lost meanwhile.',
  },
  KEYTURN_MESSAGE_UNCLEAR: {
    kind: 'terminal',
    exit: 2,
    says: (message: string, why: string) => `${message} ${why}.`,
    remedy: 'Send it with keyturn or its library, of the version of the workers. The policy is as it was.',
  },
  KEYTURN_LIVE_KEYS: {
    kind: 'terminal',
    exit: 4,
    says: (policy: string, keys: string) =>
      `Policy "${policy}" was here before, and left live keys in OpenRouter: ${keys}. No key was made.`,
    remedy: 'Delete them in OpenRouter once nothing uses them; or apply with --new-key to make another beside them.',
  },
  KEYTURN_ROTATION_STOPPED: {
    kind: 'transient',
    says: () => 'The rotation was told to stop before it was published.',
    remedy: 'Nothing to do: what it had begun was undone, and the key from before goes on working.',
  },

  // Connections
  KEYTURN_CONNECTION_UNKNOWN: {
    kind: 'terminal',
    exit: 3,
    says: (name: string, known: readonly string[]) => `There is no connection "${name}". ${nearest(name, known)}`,
    remedy: 'Declare it in keyturn.yaml; or keyturn connection add NAME, with the management key on standard input.',
  },
  KEYTURN_CONNECTION_EXISTS: {
    kind: 'terminal',
    exit: 4,
    says: (name: string) => `There is a connection "${name}" already.`,
    remedy: 'keyturn connection add NAME --replace puts another management key in its place.',
  },
  KEYTURN_CONNECTION_DECLARED: {
    kind: 'terminal',
    exit: 4,
    says: (name: string, file: string) =>
      `Connection "${name}" is declared in ${file}, so it is not kept in the vault.`,
    remedy: 'Change it there, or give this one another name.',
  },
  KEYTURN_CONNECTION_UNREADABLE: {
    kind: 'needs-attention',
    says: (name: string, why: string) => `The management key of connection "${name}" cannot be had: ${why}.`,
    remedy: 'Correct what keyturn.yaml names: variable, file or store. Then: keyturn connection check NAME.',
  },
  KEYTURN_CONNECTION_REFUSED: {
    kind: 'needs-attention',
    says: (name: string) => `OpenRouter does not accept the management key of connection "${name}" (401).`,
    remedy:
      'If it was revoked, put another one where keyturn.yaml says, or: keyturn connection add NAME --replace. Then: keyturn connection check NAME.',
  },
  KEYTURN_CONNECTION_NOT_MANAGEMENT: {
    kind: 'terminal',
    says: (name: string) => `Connection "${name}" holds an inference key; creating keys needs a management key.`,
    remedy: 'Make one in OpenRouter under Settings, Management API keys, then: keyturn connection add NAME --replace.',
  },
  KEYTURN_NOT_SENT: {
    kind: 'transient',
    says: (why: string) => `Nothing was sent to OpenRouter, and nothing was made: ${why}.`,
    remedy: 'Nothing to do: it is sent when its turn comes.',
  },

  // OpenRouter
  KEYTURN_CREATE_AMBIGUOUS: {
    kind: 'ambiguous',
    says: (why: string) => `OpenRouter may or may not have made the key: ${why}.`,
    remedy: 'Nothing to do: the key is looked for by its marker and removed, then a new one is made.',
  },
  KEYTURN_OPENROUTER_REFUSED: {
    kind: 'terminal',
    says: (what: string, status: number, why: string) => `OpenRouter refused to ${what} (${status}): ${why}`,
    remedy: 'Correct what OpenRouter names, then: keyturn rotate NAME.',
  },
  KEYTURN_OPENROUTER_RATE_LIMITED: {
    kind: 'transient',
    says: (what: string) => `OpenRouter's rate limit stopped a request to ${what} (429).`,
    remedy: 'Nothing to do: it is tried again when OpenRouter allows.',
  },
  KEYTURN_OPENROUTER_UNAVAILABLE: {
    kind: 'transient',
    says: (what: string, why: string) => `OpenRouter did not answer a request to ${what}: ${why}.`,
    remedy: 'Nothing to do: it is tried again. status.openrouter.ai shows outages.',
  },
  KEYTURN_KEY_NOT_ACCEPTED: {
    kind: 'transient',
    says: (why: string) => `OpenRouter does not accept the key (yet): ${why}.`,
    remedy: 'Nothing to do: a new key may take minutes to be known everywhere, and it is asked again.',
  },
  KEYTURN_KEY_NEVER_ACCEPTED: {
    kind: 'terminal',
    says: (seconds: number) => `OpenRouter did not accept the new key within ${seconds} s.`,
    remedy: 'The old key goes on working. If it happens again, check the workspace and the account in OpenRouter.',
  },
  KEYTURN_KEY_DIFFERS: {
    kind: 'terminal',
    says: (what: string) => `OpenRouter made something else than was asked: ${what}.`,
    remedy: 'Compare the policy with the workspace in OpenRouter, then: keyturn rotate NAME.',
  },
  KEYTURN_KEY_GONE: {
    kind: 'terminal',
    says: (hash: string) => `Key ${hash} no longer exists in OpenRouter.`,
    remedy: 'Somebody deleted it outside Keyturn: keyturn rotate NAME makes a new one.',
  },

  // Stores and the keyring
  KEYTURN_STORE_UNKNOWN: {
    kind: 'terminal',
    exit: 3,
    says: (name: string, known: readonly string[]) => `There is no store "${name}". ${nearest(name, known)}`,
    remedy: 'Name a known store in the policy.',
  },
  KEYTURN_STORE_UNAVAILABLE: {
    kind: 'transient',
    says: (store: string, why: string) => `Store "${store}" cannot be used right now: ${why}.`,
    remedy: 'It is tried again; if it goes on, check the file or service behind the store.',
  },
  KEYTURN_CREDENTIAL_UNREADABLE: {
    kind: 'transient',
    exit: 3,
    says: (forWhat: string, why: string) => `The credential of ${forWhat} cannot be had: ${why}.`,
    remedy: 'Set it where keyturn.yaml says it is; it is read anew each time, without a restart.',
  },
  KEYTURN_STORE_REFUSED: {
    kind: 'terminal',
    exit: 4,
    says: (store: string, place: string, why: string) => `Store "${store}" cannot be used at ${place}: ${why}.`,
    remedy: 'keyturn store check NAME names what is missing; docs/stores.md has the least rights of each store.',
  },
  KEYTURN_PLACE_CHANGED: {
    kind: 'terminal',
    says: (store: string, place: string) =>
      `Somebody else has written to ${place} of store "${store}" while a rotation was about to.`,
    remedy: 'Nothing of it was overwritten. If the value there is right, the next try goes over it.',
  },
  KEYTURN_PLACE_TAKEN: {
    kind: 'needs-attention',
    says: (store: string, place: string) =>
      `Store "${store}" holds at ${place} what somebody else has written since the rotation; it was left alone.`,
    remedy: 'Put the right value there, or: keyturn rotate NAME, which goes over it.',
  },
  KEYTURN_PLACE_LEASED: {
    kind: 'terminal',
    exit: 4,
    says: (place: string, store: string, owner: string) =>
      `${place} of store "${store}" is written by policy "${owner}" already.`,
    remedy: 'Give each policy a place of its own, or take it out of the other policy first.',
  },
  KEYTURN_APPROVAL_REFUSED: {
    kind: 'terminal',
    says: (store: string, place: string, url: string) =>
      `The change of ${place} in store "${store}" was closed without being approved: ${url}.`,
    remedy: 'Find out who closed it and why; keyturn rotate NAME asks again.',
  },
  KEYTURN_APPROVAL_OPEN: {
    kind: 'needs-attention',
    says: (store: string, place: string, url: string) =>
      `A change of ${place} in store "${store}" waits for approval: ${url}.`,
    remedy: 'Approve or close it; Keyturn looks again by itself.',
  },
  KEYTURN_STORE_DIFFERS: {
    kind: 'transient',
    says: (store: string, secret: string) => `Store "${store}" holds something else under ${secret} than was written.`,
    remedy: 'Check that nothing else writes this secret, then: keyturn rotate NAME.',
  },
  KEYTURN_SECRET_OWNED: {
    kind: 'terminal',
    exit: 4,
    says: (secret: string, store: string, owner: string) =>
      `Secret ${secret} in store "${store}" already belongs to policy "${owner}".`,
    remedy: 'Give each policy a secret name of its own.',
  },
  KEYTURN_SECRET_UNKNOWN: {
    kind: 'terminal',
    exit: 3,
    says: (secret: string, known: readonly string[]) =>
      `The vault holds no secret "${secret}". ${nearest(secret, known)}`,
    remedy: 'keyturn list shows the policies and the secrets they write.',
  },
  KEYTURN_STORE_CLOSED: {
    kind: 'terminal',
    says: (rotation: string) => `Rotation ${rotation} was undone; a late write of it is not taken.`,
    remedy: 'Nothing to do: the store holds what it held before.',
  },
  KEYTURN_VAULT_CORRUPT: {
    kind: 'terminal',
    says: (file: string, why: string) => `The vault ${file} is damaged: ${why}.`,
    remedy:
      'Put back a copy of it; or move it away, add the connections again, and keyturn rotate NAME for each policy.',
  },
  KEYTURN_KEYRING_INVALID: {
    kind: 'terminal',
    says: (why: string) => `The keyring cannot be used: ${why}.`,
    remedy: 'Put back the keyring this data was sealed with: docs/keyring.md.',
  },
  KEYTURN_KEYRING_MISSING: {
    kind: 'terminal',
    says: (file: string) => `There is no keyring at ${file}, and none in KEYTURN_KEYRING.`,
    remedy: 'Copy the keyring of the workers there (mode 0600), or give it as KEYTURN_KEYRING: docs/keyring.md.',
  },
  KEYTURN_KEYRING_UNREADABLE: {
    kind: 'transient',
    says: (why: string) => `The keyring cannot be had: ${why}.`,
    remedy: 'Put it where keyturn.yaml says that it is kept, and let it be read there: docs/keyring.md.',
  },
  KEYTURN_KEYRING_READ_ONLY: {
    kind: 'terminal',
    exit: 4,
    says: (where: string) => `The keyring comes from ${where}, which Keyturn does not change.`,
    remedy:
      'Change it in that secret manager, file or manifest, and restart what reads it at its start: docs/keyring.md.',
  },
  KEYTURN_KEYRING_KEY_UNKNOWN: {
    kind: 'terminal',
    exit: 3,
    says: (id: string, known: readonly string[]) => `The keyring has no key "${id}". ${nearest(id, known)}`,
    remedy: 'keyturn keyring list shows every key.',
  },
  KEYTURN_KEYRING_KEY_NEEDED: {
    kind: 'terminal',
    exit: 4,
    says: (id: string, why: string) => `Key ${id} of the keyring is still needed: ${why}.`,
    remedy: 'The keyring is as it was. docs/keyring.md says how each of these moves to the active key.',
  },
  KEYTURN_KMS_FAILED: {
    kind: 'needs-attention',
    says: (what: string, kmsKey: string, why: string) => `AWS KMS did not ${what} with ${kmsKey} (${why}).`,
    remedy: 'Check AWS credentials, region, and that they may use this KMS key: docs/keyring.md.',
  },
  KEYTURN_RECOVERY_UNREADABLE: {
    kind: 'terminal',
    exit: 2,
    says: (file: string, why: string) => `No keyring can be recovered from ${file}: ${why}.`,
    remedy: 'Check the file and its passphrase: docs/keyring.md.',
  },
  KEYTURN_PAYLOAD_UNREADABLE: {
    kind: 'terminal',
    says: (why: string) => `What Temporal keeps of this policy cannot be decrypted: ${why}.`,
    remedy: 'Use the keyring that the workers use: docs/keyring.md.',
  },
  KEYTURN_SEAL_BROKEN: {
    kind: 'terminal',
    says: (why: string) => `A sealed value cannot be opened: ${why}.`,
    remedy: 'Put back the keyring this data was sealed with: docs/keyring.md.',
  },

  // The codec server
  KEYTURN_CODEC_UNAUTHENTICATED: {
    kind: 'terminal',
    says: (why: string) => `The codec server does not know who asks: ${why}.`,
    remedy: 'Send a token that it knows (Authorization: Bearer …): docs/codec-server.md.',
  },
  KEYTURN_CODEC_FORBIDDEN: {
    kind: 'terminal',
    says: (who: string, namespace: string) => `${who} may not have payloads of namespace "${namespace}" decoded.`,
    remedy: 'Let whoever runs the codec server add the namespace to the token.',
  },
  KEYTURN_CODEC_ORIGIN: {
    kind: 'terminal',
    says: () => 'Pages of this origin may not ask the codec server.',
    remedy: 'Name the Web UI, as the browser shows its address, in KEYTURN_CODEC_ORIGINS.',
  },
  KEYTURN_CODEC_NOT_LOCAL: {
    kind: 'terminal',
    says: () => 'Only the Web UI of this machine may ask this codec server, which asks for no token.',
    remedy: 'Use the Web UI that keyturn dev names, or run keyturn codec-server with tokens.',
  },
  KEYTURN_CODEC_REQUEST: {
    kind: 'terminal',
    says: (what: string) => `The codec server cannot do what it was asked: ${what}.`,
    remedy: 'Its protocol and limits are in docs/codec-server.md.',
  },
  KEYTURN_CODEC_BUSY: {
    kind: 'transient',
    says: () => 'The codec server was asked too often.',
    remedy: 'Wait for as long as Retry-After says. Its limit is in docs/codec-server.md.',
  },
  KEYTURN_CODEC_ISSUER_UNREACHABLE: {
    kind: 'transient',
    says: () => "The codec server cannot check a JWT: its issuer's keys (JWKS) cannot be had.",
    remedy: 'Check that KEYTURN_CODEC_JWKS can be reached from the codec server and holds a key set.',
  },

  // The retirement of an old key
  KEYTURN_OLD_KEY_STILL_NEEDED: {
    kind: 'needs-attention',
    says: (generation: number, why: string) => `Key #${generation} is kept: ${why}.`,
    remedy: 'keyturn rotate NAME publishes a fresh key everywhere; the old one is revoked after it.',
  },

  // The machinery
  KEYTURN_STEP_LOST: {
    kind: 'ambiguous',
    says: (step: string) => `Step ${step} started and never answered; the worker may have died in it.`,
    remedy: 'Nothing to do: Keyturn finds out what happened.',
  },
  KEYTURN_INTERNAL: {
    kind: 'terminal',
    says: (what: string) => `Keyturn met something it does not expect: ${what}.`,
    remedy: 'Please report this with the output of: keyturn history NAME -o json.',
  },
  KEYTURN_TEMPORAL_UNREACHABLE: {
    kind: 'transient',
    exit: 5,
    says: (address: string, waitedS: number) => `Temporal does not answer at ${address} (waited ${waitedS} s).`,
    remedy: 'npm start brings up a local one; TEMPORAL_ADDRESS names another.',
  },
  KEYTURN_NO_WORKER: {
    kind: 'transient',
    exit: 5,
    says: (taskQueue: string) => `No worker is polling task queue "${taskQueue}".`,
    remedy: 'Start one: keyturn worker (or npm start for everything).',
  },
  KEYTURN_WORKER_SILENT: {
    kind: 'transient',
    exit: 5,
    says: (taskQueue: string, waitedS: number) =>
      `No worker on task queue "${taskQueue}" answers (waited ${waitedS} s); the last one may have died just now.`,
    remedy: 'Check that a worker runs (keyturn worker), and its log; then try again.',
  },
  KEYTURN_WORKER_FAILED: {
    kind: 'terminal',
    says: (how: string, log: string) => `The worker ended before it was ready (${how}). The end of its log:\n${log}`,
    remedy: 'Mend what the log names, then start again.',
  },
  KEYTURN_DATA_MIXED: {
    kind: 'terminal',
    says: (folder: string, holds: string, wanted: string) =>
      `The data in ${folder} is for ${holds}; ${wanted} must not be mixed with them.`,
    remedy: 'Give them a data folder of their own: set XDG_DATA_HOME, in every terminal that uses it.',
  },
  KEYTURN_TEMPORAL_REFUSED: {
    kind: 'terminal',
    exit: 5,
    says: (address: string, namespace: string) =>
      `Temporal at ${address} does not let this client into namespace "${namespace}".`,
    remedy: 'Check TEMPORAL_API_KEY or the client certificate, and TEMPORAL_NAMESPACE.',
  },
  KEYTURN_TEMPORAL_CONFIG: {
    kind: 'terminal',
    exit: 2,
    says: (why: string) => `The configuration of Temporal's clients cannot be used: ${why}.`,
    remedy: 'Check TEMPORAL_CONFIG_FILE, TEMPORAL_PROFILE and the files that the profile names.',
  },
  KEYTURN_NOT_SET_UP: {
    kind: 'terminal',
    exit: 5,
    says: (what: string) => `Temporal is not set up for Keyturn: ${what}.`,
    remedy: 'keyturn setup',
  },
  KEYTURN_VERSIONING_OFF: {
    kind: 'terminal',
    exit: 4,
    says: (address: string, namespace: string) =>
      `Temporal at ${address} has no worker versioning in namespace "${namespace}", so there are no builds.`,
    remedy: 'Nothing to do: any worker takes any policy. What a server needs for builds: docs/deploy.md, Upgrades.',
  },
  KEYTURN_BUILD_UNKNOWN: {
    kind: 'terminal',
    exit: 3,
    says: (id: string, known: readonly string[]) => `No worker has shown build "${id}". ${nearest(id, known)}`,
    remedy: 'Start a worker of that build first; its log names it. keyturn build list shows every build.',
  },
  KEYTURN_ENGINE_MISSING: {
    kind: 'terminal',
    says: (what: string, tried: string) => `${what} could not be had. ${tried}`,
    remedy: 'Install the Temporal CLI and put it on PATH, or name it in KEYTURN_TEMPORAL_CLI.',
  },
  KEYTURN_TEST_SERVER_MISSING: {
    kind: 'terminal',
    says: (tried: string) => `Temporal's time-skipping test server could not be had. ${tried}`,
    remedy: 'Install Java 11 or newer and Maven and put both on PATH; the tests fetch the rest.',
  },
  KEYTURN_ENGINE_FAILED: {
    kind: 'terminal',
    says: (what: string, log: string) => `The Temporal development server ${what}. ${log}`,
    remedy: 'If its data is what it stumbles over, move the data file away and start again: docs/engine.md.',
  },
  KEYTURN_ENGINE_IN_USE: {
    kind: 'terminal',
    says: (dataFile: string) => `Another Keyturn on this machine is running on ${dataFile}.`,
    remedy: 'Use that one, or stop it first. Other data: set XDG_DATA_HOME.',
  },
  KEYTURN_NAMESPACE_UNKNOWN: {
    kind: 'terminal',
    exit: 5,
    says: (namespace: string) => `This Temporal has no namespace "${namespace}".`,
    remedy: 'Make it (temporal operator namespace create -n NAME), or name another in TEMPORAL_NAMESPACE.',
  },
  KEYTURN_SEARCH_ATTRIBUTE_CLASH: {
    kind: 'terminal',
    exit: 5,
    says: (name: string, is: string, wanted: string) =>
      `Search attribute ${name} is registered as ${is}; Keyturn needs ${wanted}.`,
    remedy: 'Use a namespace in which nothing else has taken this name.',
  },
  KEYTURN_SETUP_REFUSED: {
    kind: 'terminal',
    exit: 5,
    says: (what: string, why: string) => `Temporal could not be set up for Keyturn: ${what}: ${why}.`,
    remedy: 'Let whoever runs this Temporal register the search attributes: docs/engine.md lists them.',
  },
  KEYTURN_PORT_IN_USE: {
    kind: 'terminal',
    says: (port: number, forWhat: string) => `Port ${port}, wanted for ${forWhat}, is in use.`,
    remedy: 'Stop what uses it, or choose another port (see --help).',
  },
} satisfies Faults;
