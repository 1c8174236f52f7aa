/** What `keyturn dev` was asked for. */
export type DevOptions = {
  env: Readonly<Record<string, string | undefined>>;
  /** No simulator: policies make real keys. */
  live: boolean;
  /** Of Temporal. Default: 7233, or a free one. */
  port?: number;
  /** Default: 8233, or a free one. */
  uiPort?: number;
  /** Default: 4010, or a free one. */
  simulatorPort?: number;
  /** Of the codec server. Default: 8088, or a free one. */
  codecPort?: number;
};
