import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { foreignPaths, spellingsOf } from '../support/forward.proxy.js';
import { buildGo } from '../support/go.program.js';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

const headers = [
  ...new Set(
    read('src/forward-auth/identity-headers.ts')
      .match(/'x-auth-[a-z-]+'/g)
      ?.map((name) => name.slice(1, -1)),
  ),
];

const examples = {
  nginx: ['nginx/answer.conf', 'nginx/app.conf'],
  caddy: ['caddy/vestibule.caddy'],
  traefik: ['traefik/dynamic.yml', 'traefik/hosts.yml'],
  envoy: ['envoy/envoy.yaml', 'envoy/hosts.yaml'],
} as const;

describe('every header of an identity', () => {
  it('is in the documentation', () => {
    expect(headers.length).toBeGreaterThan(7);
    const document = read('docs/forward-auth.md').toLowerCase();
    expect(headers.filter((name) => !document.includes(`\`${name}\``))).toEqual([]);
  });

  it.each(Object.entries(examples))('is handed on by the example for %s', (_name, files) => {
    for (const file of files) {
      const text = read(`examples/forward-auth/${file}`).toLowerCase().replaceAll('_', '-');
      expect(headers.filter((name) => !new RegExp(`${name}(?![-\\w])`).test(text))).toEqual([]);
    }
  });
});

/** Where each example clears what a caller says of the path. */
const clearing = {
  'nginx/app.conf': (name: string) => [`proxy_set_header ${name} "";`],
  'caddy/vestibule.caddy': (name: string) => [`request_header -${name}`],
  'traefik/dynamic.yml': (name: string) => spellingsOf(name).map((spelling) => `${spelling}: ''`),
  'traefik/hosts.yml': (name: string) => spellingsOf(name).map((spelling) => `${spelling}: ''`),
  'envoy/envoy.yaml': (name: string) => [`- remove: ${name}`],
  'envoy/hosts.yaml': (name: string) => [`- remove: ${name}`],
  '../mesh/envoy-jwt-authn/envoy.yaml': (name: string) => [`- remove: ${name}`],
} as const;

it.each(Object.entries(clearing))(
  'a header that names another path isn’t handed on by the example %s [W03]',
  (file, linesFor) => {
    const text = read(`examples/forward-auth/${file}`).toLowerCase();
    const lines = new Set(text.split('\n').map((line) => line.trim()));
    const missing = foreignPaths.flatMap(linesFor).filter((line) => !lines.has(line));
    expect(missing).toEqual([]);
  },
);

/** What Traefik and Envoy refuse, as their own files state it. */
const patterns = {
  // Traefik matches the decoded path.
  traefik: /PathRegexp\(`\(\?i\)(\\x5c.*)`\)/,
  envoy: /regex: '\(\?i\)(.*)'/,
} as const;

const withPatterns = Object.entries(patterns).flatMap(([name, found]) =>
  examples[name === 'envoy' ? 'envoy' : 'traefik'].map((file) => ({ name, found, file })),
);

describe.each(withPatterns)('the pattern for paths of the example $file', ({ name, found, file }) => {
  const source = found.exec(read(`examples/forward-auth/${file}`))?.[1] ?? '';
  const pattern = new RegExp(name === 'envoy' ? `^(?:${source})$` : source, 'i');

  it.each([
    '/public/..\\admin/x',
    '\\admin',
    '/public/..;/admin/x',
    '/public/..;x=1/admin/x',
    '/public/..%3b/admin/x',
    '/public/%252e%252e/admin/x',
    '/public/..%252fadmin/x',
    '/public/..%255cadmin/x',
    '/public/..%2fadmin/x',
    '/public/..%5cadmin/x',
    '/;/admin/x',
    '/;x=1/admin/x',
    '/%3bx=1/admin/x',
    '/%2561dmin/x',
    '/adm%254Fn/x',
    '//admin/x',
    '/public/../admin/x',
    '/public/..',
    '/public/.',
  ])('refuses %s, as it is and decoded once [H04]', (path) => {
    expect(pattern.test(path)).toBe(true);
    expect(pattern.test(decodeURIComponent(path))).toBe(true);
  });

  it.each(['/public/a;b=1/x', '/public/;b=1', '/public/..x/.y', '/public/100%25/x', '/public/x.html', '/'])(
    'lets %s through',
    (path) => {
      expect(pattern.test(path)).toBe(false);
    },
  );
});

/** Runs the checking program of test/support. @returns what it prints. @throws what it says is wrong. */
async function checkEnvoy(content: string): Promise<string> {
  const program = join(await buildGo('envoy-check'), 'envoy-check');
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-envoy-check-'));
  try {
    const config = join(folder, 'config.yaml');
    writeFileSync(config, content);
    return execFileSync(program, [config], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

it.each(examples.envoy)(
  'the example %s is what Envoy’s own message types and rules allow',
  { timeout: 300_000 },
  async (file) => {
    const found = await checkEnvoy(read(`examples/forward-auth/${file}`));
    expect(found.match(/ExtAuthz$/gm)).toHaveLength(2);
    expect(found).toContain('HeaderMutation');
  },
);

it('the example envoy/envoy.yaml guards /admin itself, and no other name that begins so', () => {
  const text = read('examples/forward-auth/envoy/envoy.yaml');
  expect([...text.matchAll(/- match: \{ (.*\/admin.*) \}/g)].map(([, match]) => match)).toEqual([
    'path_separated_prefix: /admin',
  ]);
});

/** What each example guards for administrators on a host. Every other path there is the application's, too. */
const guarded = {
  'nginx/hosts.conf': /location ~\* (\^\S*\/admin\S*) \{/,
  'caddy/hosts.Caddyfile': /@admin path_regexp `\(\?i\)(.*)`/,
  'traefik/hosts.yml': /PathRegexp\(`\(\?i\)(\^\S*\/admin.*)`\)/,
  'envoy/hosts.yaml': /regex: '\(\?i\)(\S*\/admin.*)'/,
} as const;

describe.each(Object.entries(guarded))('the pattern for /admin of the example %s', (file, found) => {
  const source = found.exec(read(`examples/forward-auth/${file}`))?.[1] ?? 'none';
  const pattern = new RegExp(file.startsWith('envoy') ? `^(?:${source})$` : source, 'i');

  it.each([
    '/admin',
    '/admin/',
    '/admin/x',
    '/Admin',
    '/ADMIN/x',
    '/admin;x',
    '/admin;x/y',
    '/admin.json',
    '/index.php/admin',
    '/index.php/admin/x',
    '/App_dev.PHP/Admin;x',
  ])('guards %s, which applications may take for it [H04]', (path) => {
    expect(pattern.test(path)).toBe(true);
  });

  it.each([
    '/administrators',
    '/admin-guide',
    '/admin_x',
    '/x/admin',
    '/index.php',
    '/index.php/administrators',
    '/index.php/x/admin',
    '/index.phpx/admin',
    '/',
  ])('leaves %s open', (path) => {
    expect(pattern.test(path)).toBe(false);
  });
});

// It may leave letters as they came; other proxies match what they have decoded.
it.each(examples.envoy)('the example %s refuses letters that are encoded', (file) => {
  const source = patterns.envoy.exec(read(`examples/forward-auth/${file}`))?.[1] ?? '';
  const pattern = new RegExp(`^(?:${source})$`, 'i');
  expect(['/%61dmin', '/adm%49n/x', '/%7A'].filter((path) => !pattern.test(path))).toEqual([]);
});

it.each(examples.envoy)('the example %s passes on no cookie but those that the gateway has left', (file) => {
  const text = read(`examples/forward-auth/${file}`);
  expect([...text.matchAll(/path_prefix: (.*)/g)].map(([, path = '']) => path.split('&').at(-1))).toEqual([
    'cookies=application',
    'cookies=application',
  ]);
  // In every question's answer, and away where nothing is asked.
  const answers = text.split('allowed_upstream_headers:').slice(1);
  expect(answers.map((answer) => answer.split('allowed_client')[0]?.includes('- exact: cookie'))).toEqual([
    true,
    true,
  ]);
  // The hosts have no open path: their routes are asked about, or lead to the gateway.
  const open = /prefix: \/public\/ \}\n.*\n *request_headers_to_remove: \[(.*)\]/.exec(text)?.[1];
  expect(open?.split(', ').includes('cookie')).toBe(file === 'envoy/hosts.yaml' ? undefined : true);
});
