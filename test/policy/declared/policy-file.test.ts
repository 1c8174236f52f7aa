import { describe, expect, test } from 'vitest';
import { formatProblems } from '../../../policy/declared/format-problems.ts';
import { readPolicies } from '../../../policy/declared/policy-file.ts';

const good = `name: checkout
connection: main
schedule: { every: 30, at: "03:30", timeZone: Europe/Berlin }
key: { name: checkout-prod, limit: 50, limitReset: monthly }
secret: { name: OPENROUTER_API_KEY, stores: [local] }
grace: 24h
`;

const read = (text: string, file = 'checkout.yaml') => readPolicies([{ file, text }]);

function policy(text: string) {
  const result = read(text);
  if ('problems' in result) throw new Error(formatProblems(result.problems));
  return result.policies[0];
}

/** What is printed about a text that is `good` but for one replacement. */
function said(text: string, replacement?: [string, string]): string {
  const wrong = replacement === undefined ? text : text.replace(...replacement);
  const result = read(wrong);
  return 'problems' in result ? formatProblems(result.problems).replaceAll(/\n {4}/g, ' ') : 'no problem';
}

describe('a good file', () => {
  test('becomes a policy with every default filled in', () => {
    expect(policy(good)).toEqual({
      version: 3,
      name: 'checkout',
      connection: 'main',
      schedule: { every: 30, at: '03:30', timeZone: 'Europe/Berlin' },
      autoRotate: true,
      key: {
        name: 'checkout-prod',
        limit: 50,
        limitReset: 'monthly',
        includeByokInLimit: false,
        workspace: null,
        expiresAfterMs: null,
      },
      secret: {
        name: 'OPENROUTER_API_KEY',
        places: [{ store: 'local', name: 'OPENROUTER_API_KEY', field: null, required: true }],
        optionalWaitMs: 604_800_000,
      },
      graceMs: 86_400_000,
      quarantineMs: 604_800_000,
    });
  });

  test('may leave out stores, grace, limit and all that has a default', () => {
    const short = good
      .replace(', stores: [local]', '')
      .replace('grace: 24h\n', '')
      .replace(', limit: 50, limitReset: monthly', '');
    expect(policy(short)).toMatchObject({
      secret: { places: [{ store: 'local' }] },
      graceMs: 86_400_000,
      key: { limit: null },
    });
  });

  test('may say 0s for grace and quarantine', () => {
    expect(policy(`${good.replace('24h', '0s')}quarantine: 0s`)).toMatchObject({ graceMs: 0, quarantineMs: 0 });
  });

  test('may write null where nothing is meant', () => {
    const empty = 'limit: null, limitReset: ~, workspace: null, expiresAfter: null';
    expect(policy(good.replace('limit: 50, limitReset: monthly', empty))).toMatchObject({
      key: { limit: null, limitReset: null, workspace: null, expiresAfterMs: null },
    });
  });

  test.each([
    ['europe/berlin', 'Europe/Berlin'],
    ['ASIA/KOLKATA', 'Asia/Kolkata'],
    ['utc', 'UTC'],
    ['america/port-au-prince', 'America/Port-au-Prince'],
    ['Etc/GMT+5', 'Etc/GMT+5'],
  ])('may write the zone %s in any case', (written, timeZone) => {
    expect(policy(good.replace('Europe/Berlin', written))?.schedule.timeZone).toBe(timeZone);
  });

  test('may hold several policies', () => {
    const second = good.replace('checkout\n', 'search\n').replace('OPENROUTER_API_KEY', 'SEARCH_KEY');
    const result = read(`---\n${good}---\n${second}---\n`);
    expect('policies' in result && result.policies.map(({ name }) => name)).toEqual(['checkout', 'search']);
  });

  test('may be JSON, indented with tabs', () => {
    expect(policy(JSON.stringify(policy(good) && jsonPolicy, null, '\t'))?.name).toBe('from-json');
  });

  test('may begin with a byte order mark and end its lines as Windows does', () => {
    expect(policy(`\uFEFF${good.replaceAll('\n', '\r\n')}`)?.name).toBe('checkout');
  });

  test('gives a marker no longer than the name of a key may be', () => {
    const name = policy(good.replace('checkout\n', `${'a'.repeat(48)}\n`))?.name;
    expect(`keyturn:${name}:${crypto.randomUUID()}:999999`.length).toBeLessThanOrEqual(100);
    expect(said(good, ['checkout\n', `${'a'.repeat(49)}\n`])).toContain('1 to 48');
  });
});

const jsonPolicy = {
  name: 'from-json',
  connection: 'main',
  schedule: { every: 1, at: '00:00', timeZone: 'UTC' },
  key: { name: 'k' },
  secret: { name: 'K' },
};

describe('a wrong value says where it is, what is wrong, and what is allowed', () => {
  test.each<[string, [string, string], string]>([
    [
      'an unknown zone',
      ['Berlin', 'Berln'],
      ':3  schedule.timeZone  "Europe/Berln" is not a time zone; did you mean Europe/Berlin?',
    ],
    ['a city alone', ['Europe/Berlin', 'new york'], 'did you mean America/New_York?'],
    ['a zone like no other', ['Europe/Berlin', 'Mars/Olympus'], '"Mars/Olympus" is not a time zone; an IANA name'],
    ['an abbreviation', ['Europe/Berlin', 'PST'], '"PST" is not a time zone'],
    [
      'an offset',
      ['Europe/Berlin', '"+02:00"'],
      '"+02:00" is an offset: it follows no change of the clocks; name a place',
    ],
    ['an offset from UTC', ['Europe/Berlin', 'UTC+2'], 'is an offset'],
    [
      '24:00',
      ['03:30', '24:00'],
      ':3  schedule.at  "24:00" is not a time of day; a day ends at "23:59"; midnight is "00:00"',
    ],
    ['a time without its zero', ['"03:30"', '3:30'], 'did you mean "03:30"?'],
    ['a time of no day', ['03:30', '12:60'], '"12:60" is not a time of day'],
    [
      'every: 0',
      ['every: 30', 'every: 0'],
      ':3  schedule.every  0 is not a number of days; a whole number from 1 to 3650',
    ],
    ['every: 1.5', ['every: 30', 'every: 1.5'], '1.5 is not a number of days'],
    ['every as text', ['every: 30', 'every: monthly'], '"monthly" is not a number of days'],
    ['a negative limit', ['limit: 50', 'limit: -1'], ':4  key.limit  -1 is not a limit; US dollars above 0'],
    ['a limit of 0', ['limit: 50', 'limit: 0'], '0 is not a limit'],
    ['a NaN limit', ['limit: 50', 'limit: .nan'], 'NaN is not a limit'],
    ['an infinite limit', ['limit: 50', 'limit: .inf'], 'Infinity is not a limit'],
    ['a limit in quotes', ['limit: 50', 'limit: "50"'], 'did you mean 50, a bare number?'],
    ['an unknown period', ['monthly', 'yearly'], 'key.limitReset  "yearly" is not a period; daily, weekly or monthly'],
    ['a reset of no limit', ['limit: 50, ', ''], 'key.limitReset  resets a limit that is not set; set limit as well'],
    [
      'a name with capitals',
      ['name: checkout\n', 'name: Check Out\n'],
      ':1  name  "Check Out" is not a name for a policy',
    ],
    ['a number for a name', ['name: checkout\n', 'name: 7\n'], ':1  name  7 is not a name for a policy'],
    ['a key name of 101', ['checkout-prod', 'k'.repeat(101)], '1 to 100 characters'],
    ['a key name that moves the cursor', ['checkout-prod', '"a\\eb"'], '"a�b" is not a name for a key'],
    ['a key name like a marker', ['checkout-prod', '"keyturn:x"'], 'not beginning "keyturn:"'],
    ['a key name of spaces', ['checkout-prod', '" "'], '" " is not a name for a key'],
    [
      'a secret name',
      ['OPENROUTER_API_KEY', '1KEY'],
      ':5  secret.name  "1KEY" is not a name for a secret; a letter or _',
    ],
    ['no store', ['[local]', '[]'], 'secret.stores  is an empty list; 1 to 8'],
    ['a store twice', ['[local]', '[local, local]'], 'secret.stores[1]  names local:OPENROUTER_API_KEY twice'],
    ['a store that is no list', ['[local]', 'local'], 'did you mean [local]?'],
    [
      'a place with a word that is none',
      ['[local]', '[{ stor: aws, name: prod/checkout }]'],
      'secret.stores[0]  has a field stor; did you mean store?',
    ],
    ['a place without a store', ['[local]', '[{ name: prod/checkout }]'], 'secret.stores[0]  names no store'],
    [
      'a whole secret and one of its fields',
      ['[local]', '[{ store: aws, name: x }, { store: aws, name: x, field: y }]'],
      'secret.stores  names aws:x whole and one of its fields',
    ],
    [
      'no place that is required',
      ['[local]', '[{ store: aws, required: false }]'],
      'secret.stores  has no place that is required',
    ],
    ['a required that is a word', ['[local]', '[{ store: aws, required: "no" }]'], 'has a required that is neither'],
    ['a map for a list', ['[local]', '{ store: aws }'], 'secret.stores  is one place; a list: [{ store: … }]'],
    ['a store with capitals', ['[local]', '[local, AWS]'], 'secret.stores[1]  "AWS" is not the name of a store'],
    ['grace without a unit', ['24h', '24'], 'grace  24 has no unit; did you mean 24h?'],
    ['grace of two units', ['24h', '1d12h'], 'did you mean 36h?'],
    ['grace of more than a year', ['24h', '366d'], 'grace  366d is too long; at least 0s and at most 365d'],
    ['a negative grace', ['24h', '-1h'], '"-1h" is not a length of time'],
    ['yes for true', ['grace: 24h', 'autoRotate: yes'], 'did you mean true?'],
    ['an empty value', ['main', ''], ':2  connection  is empty'],
    [
      'a list for a map',
      ['{ every: 30, at: "03:30", timeZone: Europe/Berlin }', '[1]'],
      'a list is not a schedule; a map of every',
    ],
    ['a missing field', ['at: "03:30", ', ''], ':3  schedule.at  is missing; "00:00" to "23:59"'],
    ['a workspace', ['limit: 50', 'workspace: main'], 'key.workspace  "main" is not the uuid of a workspace'],
  ])('%s', (_, replacement, words) => expect(said(good, replacement)).toContain(words));
});

describe('a key that would die before its replacement is refused', () => {
  const expiring = (expiresAfter: string) =>
    good.replace('limit: 50, limitReset: monthly', `expiresAfter: ${expiresAfter}`);

  test('less than the interval, the grace and two days of room', () => {
    expect(said(expiring('31d'))).toContain('31d may end before the key is replaced; at least 33d');
    expect(said(expiring('33d'))).toBe('no problem');
  });

  test('but not where nothing is rotated by itself', () => {
    expect(said(`${expiring('2d')}autoRotate: false`)).toBe('no problem');
  });

  test('also while other fields are wrong, but not on the ground of one that is', () => {
    expect(said(expiring('31d').replace('Berlin', 'Berln'))).toContain('key.expiresAfter  31d may end');
    expect(said(expiring('31d').replace('24h', '24'))).not.toContain('expiresAfter');
  });
});

describe('unknown fields are errors with a suggestion', () => {
  test.each([
    ['limit_reset: daily', 'limit_reset  is not a field; did you mean key.limitReset?'],
    ['quarantaine: 1d', 'quarantaine  is not a field; did you mean quarantine?'],
    ['timezone: UTC', 'timezone  is not a field; did you mean schedule.timeZone?'],
    ['webhook: x', 'webhook  is not a field; one of name, connection, schedule'],
    ['constructor: x', 'constructor  is not a field'],
    ['__proto__: x', '__proto__  is not a field'],
  ])('%s', (line, words) => expect(said(good + line)).toContain(`checkout.yaml:7  ${words}`));

  test('also below the top', () => {
    expect(said(good, ['limitReset', 'limitRest'])).toContain(
      'key.limitRest  is not a field; did you mean limitReset?',
    );
  });
});

test('all problems are told at once, in the order of the file', () => {
  const result = read(`name: Check Out
connection: main
schedule:
  every: 0
  at: "24:00"
  timezone: Europe/Berlin
secret: { name: OPENROUTER_API_KEY, stores: [] }
key: { name: x, limit: -1 }
`);
  expect('problems' in result && result.problems.map(({ line, column, path }) => `${line}:${column} ${path}`)).toEqual([
    '1:7 name',
    '3:1 schedule.timeZone',
    '4:10 schedule.every',
    '5:7 schedule.at',
    '6:3 schedule.timezone',
    '7:37 secret.stores',
    '8:24 key.limit',
  ]);
});

describe('what is no policy file', () => {
  test.each<[string, string, string]>([
    ['nothing', '', ':1  holds no policy'],
    ['comments only', '# todo\n', ':1  holds no policy'],
    ['a list', '- name: a\n- name: b\n', ':1  is a list; one policy, or several separated by lines of ---'],
    ['a tab', 'name: a\nkey:\n\tname: x\n', ':3  a tab indents this line'],
    ['a bracket left open', 'name: a\nkey: { name: x\n', 'is not YAML here'],
    ['a field twice', `${good}grace: 1h\n`, ':7  grace  stands here for the second time'],
    ['a tag', good.replace('checkout\n', '!!js/function x\n'), ':1  is not YAML here: Unresolved tag'],
    ['an alias', 'a: &a x\nb: *a\n', ':2  b  is an alias (*); the value itself, written out'],
    ['a map as the name of a field', `${good}? { a: b }\n: 1\n`, 'has a field whose name is not plain text'],
    ['something of YAML 1.1', `%YAML 1.1\n---\n${good.replace('"03:30"', '03:30')}`, '210 is not a time of day'],
  ])('%s', (_, text, words) => expect(said(text)).toContain(words));
});

describe('a hostile file is refused, and soon', () => {
  test('10 MB, before it is parsed', () => {
    expect(said('[\n'.repeat(5_242_880))).toBe('checkout.yaml:1  has 10.0 MiB; at most 1 MiB in one file');
  });

  test('aliases of aliases', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let n = 1; n < 12; n += 1)
      lines.push(
        `a${n}: &a${n} [${Array(10)
          .fill(`*a${n - 1}`)
          .join(', ')}]`,
      );
    expect(said(lines.join('\n'))).toContain('is an alias');
  });

  test('ten thousand brackets', () => {
    expect(said('['.repeat(10_000))).toContain('is nested too deeply');
    expect(said(`${'['.repeat(30)}${']'.repeat(30)}`)).toContain('is nested too deeply');
  });

  test('ten thousand fields', () => {
    const fields = Array.from({ length: 10_000 }, (_, n) => `field${n}: 1`).join('\n');
    expect(said(fields)).toContain('has more than 200 entries');
  });

  test('ten thousand documents', () => {
    const result = read('--- x\n'.repeat(10_000));
    expect('problems' in result && result.problems.length).toBe(100);
  });

  test('a zone of half a million letters', () => {
    expect(said(good, ['Europe/Berlin', 'a'.repeat(500_000)])).toMatch(/timeZone {2}"a{39}…" is not a time zone/);
  });
});

describe('over several files', () => {
  const apply = (...texts: string[]) => {
    const result = readPolicies(texts.map((text, index) => ({ file: `${index + 1}.yaml`, text })));
    return 'problems' in result ? formatProblems(result.problems).replaceAll(/\n {4}/g, ' ') : result.policies.length;
  };
  const search = good.replace('checkout\n', 'search\n');

  test('a name twice', () => {
    expect(apply(good, good)).toBe(
      '2.yaml:1  name  "checkout" is declared already in 1.yaml:1; a name of its own for each policy',
    );
  });

  test('one secret in one store by two policies', () => {
    expect(apply(good, search)).toBe(
      '2.yaml:5  secret.name  local:OPENROUTER_API_KEY is written by policy checkout in 1.yaml:5; a place of its own for each',
    );
    expect(apply(good, search.replace(', stores: [local]', ''))).toContain('is written by policy checkout');
  });

  test('one secret name in two stores is fine', () => {
    expect(apply(good, search.replace('[local]', '[aws]'))).toBe(2);
  });

  test('clashes are told along with what else is wrong', () => {
    expect(apply(good.replace('30', '0'), good)).toMatch(/1\.yaml:3 {2}schedule\.every.*2\.yaml:1 {2}name/s);
  });

  test('the same again is judged afresh', () => {
    expect(apply(good)).toBe(1);
    expect(apply(good)).toBe(1);
  });
});

describe('what must not be shown is not shown', () => {
  const key = `sk-or-v1-${'0123456789abcdef'.repeat(4)}`;

  test.each([
    ['the connection', good.replace('main', key)],
    ['a name of a key', good.replace('checkout-prod', key)],
    ['a secret', good.replace('OPENROUTER_API_KEY', key)],
    ['a wrong type', good.replace('{ every: 30, at: "03:30", timeZone: Europe/Berlin }', key)],
    ['an unknown field', `${good}apiKey: ${key}`],
    ['the name of a field', `${good}${key}: 1`],
    ['the whole file', key],
    ['a broken file', `key: "${key}`],
    ['an anchor', `a: *${key}`],
    ['a zone', good.replace('Europe/Berlin', key)],
    ['a length of time', good.replace('24h', key)],
  ])('a key as %s is refused and not repeated', (_, text) => {
    const result = read(text);
    expect(result).toHaveProperty('problems');
    expect(JSON.stringify(result)).not.toMatch(/sk-or-v1|0123456789abcdef/);
  });

  test('the text of a file that is no policy file', () => {
    expect(JSON.stringify(read('hunter2'))).not.toContain('hunter2');
  });

  test('control characters do not reach the terminal', () => {
    expect(said(`${good}"\\e[2Jx": 1\n`)).not.toContain('\u001b');
    expect(said(good, ['[local]', '"\\e[2J"'])).not.toContain('\u001b');
    expect(said(good, ['[local]', '["\\e[2J", "\\e[2J"]'])).not.toContain('\u001b');
    expect(said(good, ['main', '"\\e[2J\\x9b2J\\u202e"'])).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

test('problems keep to 80 columns, and what is allowed has a line of its own where it does not fit', () => {
  const result = read(
    good.replace('Berlin', 'Berln').replace('OPENROUTER_API_KEY', '1KEY').replace('checkout-prod', '"keyturn:x"'),
  );
  const text = 'problems' in result ? formatProblems(result.problems) : '';
  expect(text.split('\n')).toContain('    did you mean Europe/Berlin?');
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
});
