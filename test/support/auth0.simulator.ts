import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findFreePorts } from '../../src/launcher/port-finder.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Somebody the simulator knows. */
export interface SimulatedUser {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

/** An answer of the simulator. */
export interface SimulatorAnswer {
  readonly status: number;
  readonly location: string | undefined;
  readonly cookies: readonly string[];
  readonly text: string;
}

/** The Auth0 simulator of the package @simulacrum/auth0-simulator: https only, on a certificate of its own. */
export interface Auth0Simulator {
  readonly url: string;
  /** PEM file to trust. */
  readonly certificate: string;
  send(url: string, form?: Readonly<Record<string, string>>, cookie?: string): Promise<SimulatorAnswer>;
  stop(): Promise<void>;
}

/** Its ESM build has a broken import, so it is loaded by require; it looks for its certificate in the home folder. */
const program = `
  const { createRequire } = require('node:module');
  const { simulation } = createRequire(process.env.FROM)('@simulacrum/auth0-simulator');
  simulation({ initialState: { users: JSON.parse(process.env.USERS) } }).listen(Number(process.env.PORT), () => console.log('listening'));
`;

export async function startAuth0Simulator(users: readonly SimulatedUser[]): Promise<Auth0Simulator> {
  const home = mkdtempSync(join(tmpdir(), 'vestibule-auth0-'));
  const certificates = join(home, '.simulacrum', 'certs');
  mkdirSync(certificates, { recursive: true });
  const certificate = join(certificates, 'localhost.pem');
  execFileSync(
    'openssl',
    [
      '-x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost'.split(
        ' ',
      ),
      ['-keyout', join(certificates, 'localhost-key.pem'), '-out', certificate],
    ].reduce((words, more) => words.concat(more), ['req']),
    { stdio: 'ignore' },
  );
  const [port = 0] = await findFreePorts(1);
  const child = spawn(process.execPath, ['-e', program], {
    env: {
      PATH: process.env['PATH'],
      HOME: home,
      PORT: String(port),
      USERS: JSON.stringify(users),
      FROM: `${root}/`,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await saidListening(child);
  const ca = readFileSync(certificate);
  return {
    url: `https://localhost:${port}`,
    certificate,
    send: async (url, form, cookie) => send(url, ca, form, cookie),
    stop: async () => {
      if (child.exitCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      rmSync(home, { recursive: true, force: true });
    },
  };
}

async function saidListening(child: ChildProcess): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the simulator ended with ${code}`)));
    child.stdout?.on('data', (text: Buffer) => {
      if (text.includes('listening')) {
        resolve();
      }
    });
  });
}

async function send(
  url: string,
  ca: Buffer,
  form?: Readonly<Record<string, string>>,
  cookie?: string,
): Promise<SimulatorAnswer> {
  return new Promise((resolve, reject) => {
    const body = form === undefined ? undefined : new URLSearchParams(form).toString();
    const headers = {
      ...(cookie === undefined ? {} : { cookie }),
      ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
    };
    const call = request(url, { ca, method: body === undefined ? 'GET' : 'POST', headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          location: answer.headers.location,
          cookies: (answer.headers['set-cookie'] ?? []).map((line) => line.split(';', 1)[0] ?? ''),
          text,
        }),
      );
    });
    call.on('error', reject);
    call.end(body);
  });
}
