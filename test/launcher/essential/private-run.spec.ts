import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { blockRunBy } from '../../support/document.blocks.js';
import { OAuthApp } from '../../support/oauth.app.js';
import { rawRequest } from '../../support/raw.request.js';
import {
  environmentOfLaterStart,
  launcherEnvironment,
  realBinaries,
  startLauncher,
  temporaryFolder,
} from '../launcher.harness.js';

const run = promisify(execFile);
const registeredSchema = z.looseObject({ client_id: z.string(), client_secret: z.string() });
const isRoot = process.getuid?.() === 0;

/** Ports of loopback that a process and its children listen on. */
async function portsOf(pid: number): Promise<Map<number, string>> {
  const { stdout } = await run('ps', ['-e', '-o', 'pid=,ppid=,comm=']);
  const processes = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .map(([id, parent, name = '']) => ({ id: Number(id), parent: Number(parent), name }));
  const family = [pid];
  for (const parent of family) {
    family.push(...processes.filter((each) => each.parent === parent).map(({ id }) => id));
  }
  const listening = new Map(
    ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(/\s+/))
        .filter((fields) => fields[3] === '0A')
        .map((fields): [string, number] => [
          fields[9] ?? '',
          Number.parseInt(fields[1]?.split(':')[1] ?? '', 16),
        ]),
    ),
  );
  const ports = new Map<number, string>();
  for (const id of family) {
    const name = processes.find((each) => each.id === id)?.name ?? '';
    const { stdout: links } = await run('ls', ['-l', `/proc/${id}/fd`]).catch(() => ({ stdout: '' }));
    for (const [, inode = ''] of links.matchAll(/socket:\[(\d+)\]/g)) {
      const port = listening.get(inode);
      if (port !== undefined) {
        ports.set(port, name);
      }
    }
  }
  return ports;
}

/** Asks over a Unix socket. @returns the status. */
async function askSocket(socketPath: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** What comes of a connection by the Unix user `nobody`. */
async function connectAsNobody(socket: string): Promise<string> {
  const script =
    "require('net').connect(process.argv[1]).on('connect', () => process.exit(0)).on('error', ({ code }) => console.log(code))";
  const { stdout } = await run('setpriv', [
    '--reuid=65534',
    '--regid=65534',
    '--clear-groups',
    process.execPath,
    '-e',
    script,
    socket,
  ]);
  return stdout.trim();
}

/** Files below a folder that others than their owner can read or write. */
function openFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => (statSync(path).mode & 0o077) !== 0);
}

describe.runIf(process.platform === 'linux')('npm start on a machine that others use too', () => {
  it('the admin APIs have no port and no other user reaches them, nor reads a file [H06] [H07]', async () => {
    const parent = temporaryFolder();
    chmodSync(parent, 0o755);
    const DATA_DIR = join(parent, '.data');
    // As a deployment has it that was made by hand, with a file of an earlier version in it.
    mkdirSync(DATA_DIR, { mode: 0o755 });
    chmodSync(DATA_DIR, 0o755);
    writeFileSync(join(DATA_DIR, 'vestibule.db'), '', { mode: 0o644 });
    const env = await launcherEnvironment({ ...(await realBinaries()), DATA_DIR });
    const launcher = startLauncher(env);
    await launcher.prints('is ready');

    const ports = await portsOf(launcher.pid);
    const counts: Record<string, number> = {};
    for (const program of ports.values()) {
      const name = program.replace(/-.*/, '');
      counts[name] = (counts[name] ?? 0) + 1;
    }
    // Mailpit has SMTP; Kratos and Hydra have their public APIs. The mailbox' pages are the launcher's.
    expect(counts).toMatchObject({ kratos: 1, hydra: 1, mailpit: 1 });
    for (const [port] of ports) {
      for (const path of ['/admin/identities', '/admin/clients']) {
        const answer = await rawRequest(`http://127.0.0.1:${port}`, { path }).catch(() => undefined);
        expect([port, path, answer?.status ?? 0]).not.toEqual([port, path, 200]);
      }
    }

    // A page whose name was made to lead to loopback reads no mail.
    const mailbox = /Mailbox\D+(http:\/\/127\.0\.0\.1:\d+)/.exec(launcher.output())?.[1] ?? '';
    const rebound = { host: 'evil.example', origin: 'http://evil.example' };
    for (const path of ['/', '/api/v1/messages']) {
      expect((await rawRequest(mailbox, { path })).status).toBe(200);
      expect((await rawRequest(mailbox, { path, headers: rebound })).status).toBe(403);
    }

    const socket = join(DATA_DIR, 'ory', 'kratos-admin.sock');
    expect(await askSocket(socket, '/admin/identities')).toBe(200);
    expect(await askSocket(join(DATA_DIR, 'ory', 'hydra-admin.sock'), '/admin/clients')).toBe(200);
    expect(openFiles(DATA_DIR)).toEqual([]);
    // Only root can become another user.
    for (const name of ['kratos-admin.sock', 'mailpit.sock']) {
      expect(isRoot ? await connectAsNobody(join(DATA_DIR, 'ory', name)) : 'EACCES').toBe('EACCES');
    }
  });

  it('the user who started it registers an application at the admin API, as the documentation shows', async () => {
    const folder = temporaryFolder();
    const env = await environmentOfLaterStart({ ...(await realBinaries()), DATA_DIR: join(folder, '.data') });
    const launcher = startLauncher(env);
    await launcher.prints('is ready');
    const block = blockRunBy('docs/providers.md', 'test/launcher/essential/private-run.spec.ts', 'npm start');
    const { stdout } = await run('sh', ['-c', block], { cwd: folder });
    const { client_id: id, client_secret: secret } = registeredSchema.parse(JSON.parse(stdout));
    expect(secret).not.toBe('');
    const url = `http://localhost:${env['PORT']}`;
    const wiki = new OAuthApp(url, { id, secret }, 'https://wiki.example.org/callback');
    const answer = await rawRequest(url, wiki.authorize({ audience: undefined }));
    expect([answer.status, answer.headers.get('location')]).toEqual([
      302,
      expect.stringContaining('login_challenge='),
    ]);
  });

  it('a data folder whose path is too long for a socket works too', async () => {
    const DATA_DIR = join(temporaryFolder(), 'd'.repeat(90), 'data');
    const env = await environmentOfLaterStart({ ...(await realBinaries()), DATA_DIR });
    const first = startLauncher(env);
    await first.prints('is ready');
    expect(existsSync(join(DATA_DIR, 'ory', 'kratos-admin.sock'))).toBe(false);
    first.process.kill('SIGTERM');
    expect((await first.exited).code).toBe(0);
  });

  it('a socket that a killed Kratos has left is in no way', async () => {
    const DATA_DIR = join(temporaryFolder(), 'data');
    const env = await environmentOfLaterStart({ ...(await realBinaries()), DATA_DIR });
    const launcher = startLauncher(env);
    await launcher.prints('is ready');
    const { stdout } = await run('ps', ['-e', '-o', 'pid=,ppid=,comm=']);
    const line = stdout.split('\n').find((each) => each.includes(` ${launcher.pid} kratos`)) ?? '';
    const pid = Number(line.trim().split(/\s+/)[0]);
    expect(pid).toBeGreaterThan(1);
    process.kill(pid, 'SIGKILL');
    await launcher.prints(/kratos\s+\| .*is ready again/);
    expect(await askSocket(join(DATA_DIR, 'ory', 'kratos-admin.sock'), '/admin/identities')).toBe(200);
  });
});
