import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { version } from '../../src/platform/core/version.js';
import { dockerFolder } from '../../src/launcher/binary.store.js';
import { type Dockerfile, imageEnvironment, parseDockerfile } from './compose.project.js';
import { buildLimit, DockerChecks } from './docker.checks.js';

const root = join(dockerFolder, '..');
let checks: DockerChecks;
let file: Dockerfile;
let folder: string;

beforeAll(async () => {
  checks = await DockerChecks.build();
  file = parseDockerfile(await checks.dockerfile(join(dockerFolder, 'Dockerfile')));
  folder = await mkdtemp(join(tmpdir(), 'vestibule-dockerfile-'));
}, buildLimit);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const last = (name: string): Dockerfile['stages'][number]['commands'] =>
  (file.stages.at(-1)?.commands ?? []).filter((command) => command.name === name);

it("BuildKit's linter has nothing to say", () => {
  expect(file.warnings).toEqual([]);
  expect(file.stages.map(({ name }) => name)).toEqual(['packages', 'build', 'dependencies', 'gateway']);
});

it('runs as an ordinary user, and writes to one folder', () => {
  expect(last('USER').map(({ text }) => text)).toEqual(['USER 1000:1000']);
  expect(last('VOLUME').map(({ text }) => text)).toEqual(['VOLUME /data']);
  expect(imageEnvironment(file)).toEqual({
    NODE_ENV: 'production',
    HOST: '0.0.0.0',
    PORT: '3000',
    DATA_DIR: '/data',
  });
  expect(last('CMD').map(({ text }) => text)).toEqual([
    'CMD ["node", "--use-largepages=silent", "dist/main.js"]',
  ]);
});

it('starts with options that this Node takes', async () => {
  const [, line = '[]'] = /^CMD (.*)$/.exec(last('CMD')[0]?.text ?? '') ?? [];
  const [command, ...words] = z.array(z.string()).parse(JSON.parse(line));
  expect(command).toBe('node');
  expect(words.pop()).toBe('dist/main.js');
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...words, '-p', '1 + 1']);
  expect([stdout, stderr]).toEqual(['2\n', '']);
});

it('runs no install script, and takes no development package into the image', () => {
  const installs = file.stages.flatMap(({ name, commands }) =>
    commands.filter(({ text }) => /npm (?:ci|prune|install)/.test(text)).map(({ text }) => [name, text]),
  );
  expect(installs).toEqual([
    ['packages', expect.stringMatching(/npm ci .*--workspaces=false --ignore-scripts/)],
    [
      'dependencies',
      expect.stringMatching(
        /npm prune --omit=dev --workspaces=false --ignore-scripts .*rm -rf node_modules\/typescript/,
      ),
    ],
  ]);
  const from = last('COPY').flatMap(
    ({ text }) => /--from=(\S+) (\S+)/.exec(text)?.slice(1, 3).join(' ') ?? [],
  );
  expect(from).toEqual([
    'dependencies /build/node_modules',
    'build /build/package.json',
    'build /build/scripts/lock.mjs',
    'build /build/dist',
  ]);
  // Whatever is copied from the checkout has the modes of its umask; what a stage has made readable has not.
  expect(last('COPY').filter(({ text }) => !text.includes('--from='))).toEqual([]);
});

it('everything that is copied is there and let through by the ignore file, which lets nothing else through', async () => {
  const copied = file.stages
    .flatMap(({ commands }) => commands)
    .filter(({ name, text }) => name === 'COPY' && !text.includes('--from='))
    .flatMap(({ text }) => text.split(' ').slice(1, -1));
  const ignore = (await readFile(join(dockerFolder, 'Dockerfile.dockerignore'), 'utf8'))
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  expect(ignore[0]).toBe('*');
  const through = ignore.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
  expect([...new Set(copied)].toSorted()).toEqual(through.toSorted());
  expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

it('has the version of package.json in its labels, unless the build is told another', async () => {
  const text = await readFile(join(dockerFolder, 'Dockerfile'), 'utf8');
  expect(text.match(/^ARG VERSION=.*$/gm)).toEqual([`ARG VERSION=${version}`]);
  expect(last('ARG').map((argument) => argument.text)).toContain('ARG VERSION');
  expect(last('LABEL')[0]?.text).toContain('org.opencontainers.image.version="${VERSION}"');
});

it('another version alone compiles nothing', () => {
  const commands = file.stages.find(({ name }) => name === 'build')?.commands ?? [];
  const places = ['npm run build', 'ARG VERSION', 'VESTIBULE_BUILD_VERSION='].map((text) =>
    commands.findIndex((command) => command.text.includes(text)),
  );
  expect(places).not.toContain(-1);
  expect(places).toEqual(places.toSorted((one, other) => one - other));
});

it.each([
  [200, 0],
  [503, 1],
])('the health check takes a gateway that answers %i for exit code %i', async (status, code) => {
  const { Health } = z
    .looseObject({ Health: z.looseObject({ Test: z.array(z.string()) }) })
    .parse(last('HEALTHCHECK')[0]?.command);
  const [form, program = '', ...args] = Health.Test;
  expect([form, program]).toEqual(['CMD', 'node']);
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/health/live' ? status : 404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? String(address?.port) : '';
  const child = spawn(process.execPath, args, { env: { PORT: port }, stdio: 'ignore' });
  await once(child, 'exit');
  expect(child.exitCode).toBe(code);
  const closed = once(server, 'close');
  server.close();
  await closed;
});

it.each([
  ['an instruction that there is none of', 'EXPOSE 3000', 'EXPOS 3000', 'EXPOS'],
  ['a flag that there is none of', 'COPY --from=build ', 'COPY --form=build ', 'form'],
])('finds %s', async (_what, right, wrong, named) => {
  const text = await readFile(join(dockerFolder, 'Dockerfile'), 'utf8');
  expect(text).toContain(right);
  const planted = join(folder, 'Dockerfile');
  await writeFile(planted, text.replace(right, wrong));
  await expect(checks.dockerfile(planted)).rejects.toThrow(named);
});

it('sees what the linter warns of', async () => {
  const text = await readFile(join(dockerFolder, 'Dockerfile'), 'utf8');
  const planted = join(folder, 'Dockerfile');
  await writeFile(
    planted,
    text.replace(' AS gateway', ' as gateway').replace('WORKDIR /app\n', 'WORKDIR app\n'),
  );
  const { warnings } = parseDockerfile(await checks.dockerfile(planted));
  expect(warnings.join()).toContain('FromAsCasing');
});
