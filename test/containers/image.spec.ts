import { beforeAll, expect, it } from 'vitest';
import { upLimit, useSelfHoster } from './self.hoster.js';

const host = useSelfHoster();

beforeAll(async () => {
  await host.shell('docker build --quiet --file docker/Dockerfile --tag vestibule-image .');
}, upLimit);

/** Runs a shell in the image, as its own user. */
const inside = (command: string): Promise<string> =>
  host.engine.runOrThrow([
    'docker',
    'run',
    '--rm',
    '--network=none',
    'vestibule-image',
    'sh',
    '-euc',
    command,
  ]);

const sizeOf = async (image: string): Promise<number> =>
  Number(await host.engine.runOrThrow(['docker', 'image', 'inspect', '--format={{.Size}}', image]));

it('adds at most 200 MB to its base', async () => {
  const added = (await sizeOf('vestibule-image')) - (await sizeOf('node:24-bookworm-slim'));
  expect(added).toBeGreaterThan(50_000_000);
  expect(added).toBeLessThanOrEqual(200_000_000);
});

it('has no compiler, no tests, no sources, no other C library, and no script but the launcher’s', async () => {
  expect((await inside('ls /app')).trim().split('\n')).toEqual([
    'LICENSE',
    'dist',
    'node_modules',
    'package-lock.json',
    'package.json',
    'scripts',
  ]);
  expect((await inside('ls /app/scripts')).trim().split('\n')).toEqual([
    'die-with-parent.mjs',
    'lock.mjs',
    'preflight.mjs',
    'progress.mjs',
  ]);
  const packages = (await inside('cd /app/node_modules && ls -d * @*/*')).trim().split('\n');
  expect(packages).toContain('fastify');
  expect(packages.filter((name) => /^(?:typescript|rolldown|vitest|@nestjs\/cli)$|musl/.test(name))).toEqual(
    [],
  );
  expect(await inside('for name in cc gcc go tsc; do command -v $name || true; done')).toBe('');
});

it('every file is readable for its user, whatever the umask of the checkout was, and none but /data is theirs', async () => {
  expect(await inside('id -u; id -g')).toBe('1000\n1000\n');
  expect(await inside('find /app ! -readable')).toBe('');
  expect(await inside('find /app -writable')).toBe('');
  expect(await inside('stat -c "%a %u" /data')).toBe('700 1000\n');
  expect(await inside('vestibule --version')).toMatch(/^\d+\.\d+\.\d+(?:-dev\S*)?\n$/);
});
