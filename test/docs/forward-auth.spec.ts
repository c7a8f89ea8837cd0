import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

const headers = [
  ...new Set(
    read('src/verify/identity.headers.ts')
      .match(/'x-auth-[a-z-]+'/g)
      ?.map((name) => name.slice(1, -1)),
  ),
];

const examples = {
  nginx: ['nginx/answer.conf', 'nginx/app.conf'],
  caddy: ['caddy/Caddyfile'],
  traefik: ['traefik/dynamic.yml'],
  envoy: ['envoy/envoy.yaml'],
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

it('the example for Envoy is what its own message types and rules allow', { timeout: 300_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-envoy-'));
  try {
    const program = join(folder, 'envoy-check');
    const cwd = fileURLToPath(new URL('../support/envoy-check/', import.meta.url));
    execFileSync('go', ['build', '-o', program, '.'], { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
    const config = fileURLToPath(new URL('../../examples/forward-auth/envoy/envoy.yaml', import.meta.url));
    const found = execFileSync(program, [config], { encoding: 'utf8' });
    expect(found.match(/ExtAuthz$/gm)).toHaveLength(2);
    expect(found).toContain('HeaderMutation');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
