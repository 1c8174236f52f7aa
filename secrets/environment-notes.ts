type Environment = Readonly<Record<string, string | undefined>>;

const proxies = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'];
const authorities = ['NODE_EXTRA_CA_CERTS', 'AWS_CA_BUNDLE', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];

/**
 * What in the environment decides where secrets are sent and whom they are trusted to, a sentence each: for who checks a
 * store and wonders why it is another one. No value that can hold a password is shown whole.
 */
export function environmentNotes(env: Environment): string[] {
  const set = (names: readonly string[]) => names.filter((name) => env[name]);
  const endpoints = Object.keys(env).filter((name) => /^AWS_ENDPOINT_URL(_|$)/.test(name));
  const follows = env.NODE_USE_ENV_PROXY === '1' || /--use-env-proxy/.test(env.NODE_OPTIONS ?? '');
  return [
    ...set(endpoints.sort()).map((name) => {
      const whose = name === 'AWS_ENDPOINT_URL' ? 'AWS' : `AWS (${name.slice('AWS_ENDPOINT_URL_'.length)})`;
      return `${name}: requests to ${whose} go to ${withoutUser(env[name])}.`;
    }),
    ...set(proxies).map((name) => {
      const but = follows ? '' : '; Node does not use it without NODE_USE_ENV_PROXY=1';
      return `${name}: a proxy, ${withoutUser(env[name])}${but}.`;
    }),
    ...set(authorities).map((name) => `${name}: certificates of ${env[name]} are trusted too.`),
    ...(env.NODE_TLS_REJECT_UNAUTHORIZED === '0'
      ? ['NODE_TLS_REJECT_UNAUTHORIZED=0: no certificate is checked, so anybody on the way can read every secret.']
      : []),
  ];
}

/** Proxies are often given with user and password. */
function withoutUser(address = ''): string {
  const url = URL.parse(address) ?? URL.parse(`http://${address}`);
  return url?.host ? `${url.protocol}//${url.host}` : 'an address that cannot be understood';
}
