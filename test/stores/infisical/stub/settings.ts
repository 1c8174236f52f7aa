/** Holds writes below a path (`/payments`, `/payments/*`, `/**`) of one environment. */
export type ApprovalPolicy = { environment: string; path: string; bypassForMachineIdentities: boolean };

export type Settings = {
  /** Which routes there are. */
  generations: Set<'v4' | 'v3'>;
  /** Of an expired token; PR #7443 would make it 401. */
  expiredTokenIs: 401 | 403;
  /** How long a replica takes. */
  lagMs: number;
  /** How many of the next reads go to a replica that does not know of the last change. */
  lagReads: number;
  /** Without the right to read values: refused, as in Node, or masked, as in Go (facts §4). */
  hiddenValues: 'refused' | 'masked';
  /** An approval policy over everything, which holds machine identities too. */
  approvals: boolean;
  policies: ApprovalPolicy[];
  identitiesSeeRequests: boolean;
  /** Of how many former versions a value may not be; 0: no such rule. */
  reuseRule: number;
  /** A validation rule: what values have to look like. */
  valuesMatch: RegExp | null;
  /** What secret detection takes for a leaked value. */
  detects: RegExp | null;
  enforcesCapitals: boolean;
  /** Metadata has to be encrypted. */
  encryptsMetadata: boolean;
  /** Older servers refuse a write of a reference to what is not there (facts §5). */
  refusesBrokenReferences: boolean;
  /** A reference to an empty secret: the value, or as in 2026 the reference itself is kept. */
  emptyReferenceIs: 'empty' | 'literal';
  perMinute: number;
  /** Of secrets routes, reads and writes together; of other writes, logins too. */
  secretsPerMinute: number;
  otherWritesPerMinute: number;
  retryAfterHeader: boolean;
  /** Whether `?version=` is looked at; it was not before mid-2025. */
  readsVersions: boolean;
};

/** As Infisical's cloud is for somebody who has set nothing. */
export function newSettings(): Settings {
  return {
    generations: new Set(['v4', 'v3']),
    expiredTokenIs: 403,
    lagMs: 0,
    lagReads: 0,
    hiddenValues: 'refused',
    approvals: false,
    policies: [],
    identitiesSeeRequests: true,
    reuseRule: 0,
    valuesMatch: null,
    detects: null,
    enforcesCapitals: false,
    encryptsMetadata: false,
    refusesBrokenReferences: false,
    emptyReferenceIs: 'empty',
    perMinute: Number.POSITIVE_INFINITY,
    secretsPerMinute: Number.POSITIVE_INFINITY,
    otherWritesPerMinute: Number.POSITIVE_INFINITY,
    retryAfterHeader: false,
    readsVersions: true,
  };
}
