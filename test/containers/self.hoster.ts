import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { get, IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, inject } from 'vitest';
import { z } from 'zod';
import { copyDockerFolder } from '../docker/docker.checks.js';
import { startSocketBridge } from '../docker/socket.bridge.js';
import { launchChromium } from '../support/browser.js';
import { UserAgent } from '../support/user-agent.js';
import { ContainerEngine, type EngineKind, engineKinds, type Outcome } from './container.engine.js';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const published = fileURLToPath(new URL('relay.program.mjs', import.meta.url));
/** What docker/Dockerfile copies; docker/ comes besides. */
const parts = [
  'LICENSE',
  'nest-cli.json',
  'package.json',
  'package-lock.json',
  'scripts',
  'src',
  'tsconfig.build.json',
  'tsconfig.json',
];
const stateSchema = z.looseObject({
  Service: z.string(),
  State: z.string(),
  Health: z.string(),
  ExitCode: z.number(),
});

const engineSchema = z.object({ kind: z.enum(engineKinds), folder: z.string(), pid: z.number() });

/** Milliseconds that building the image and starting everything may take on a busy machine. */
export const upLimit = 900_000;

/** Milliseconds for what is awaited on a page, beside images that are built and programs that are compiled. */
const pageLimit = 120_000;

/** Milliseconds until it is a file's turn with the engine: the others take minutes, and so do the engine's parts, the first time. */
const turnLimit = 3_600_000;

/** A person at a shell with a fresh checkout, Docker and a browser. */
export interface SelfHoster {
  readonly engine: ContainerEngine;
  /** The checkout. */
  readonly folder: string;
  /** Runs commands as they stand on a page, in the checkout. @throws with what they printed where one of them fails. */
  shell(commands: string, env?: Readonly<Record<string, string>>): Promise<string>;
  /** The same, in `docker/` and without throwing. */
  tryShell(commands: string): Promise<Outcome>;
  /** State of each service's container, ended ones included. */
  services(): Promise<Map<string, z.output<typeof stateSchema>>>;
  /** Commands that remove what a test started besides compose, for the end. */
  cleanUpWith(commands: string): void;
  /** A file of `docker/secrets`. */
  secret(name: string): Promise<string>;
  /** A page of a new Chromium in the engine's network that finds this host at its loopback, and trusts each certificate. */
  page(host: string): Promise<Page>;
  /** Browsers without a screen at what is published at a port; they trust the deployment's own authority and no other. */
  browsers(origin: string): Promise<() => UserAgent>;
}

/** What is special about a self-hoster. */
export interface SelfHosterOptions {
  /** Default: Docker. */
  readonly engine?: EngineKind;
  /** Modes of the checkout, as chmod takes them. Default: as under umask 027, where only the owner and the group may read a file. */
  readonly modes?: string;
}

/** Brings one for the tests of a file, and removes afterwards whatever was started. */
export function useSelfHoster(options: SelfHosterOptions = {}): SelfHoster {
  let engine: ContainerEngine;
  const undo: (() => Promise<unknown>)[] = [];
  let folder = '';
  let count = 0;

  beforeAll(async () => {
    const turn = await turnAt(`${inject('containerEngineUrl')}/${options.engine ?? 'docker'}`);
    undo.push(turn.end);
    engine = turn.engine;
    folder = await mkdtemp(join(tmpdir(), 'vestibule-checkout-'));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    await mkdir(join(folder, 'docker'));
    await copyDockerFolder(join(folder, 'docker'));
    for (const part of parts) {
      await cp(join(checkout, part), join(folder, part), { recursive: true });
    }
    // Whatever the umask was that this checkout itself was made under.
    await engine.runOrThrow(['chmod', '-R', options.modes ?? 'g=u-w,o=', folder]);
    undo.push(() =>
      engine.run(['docker', 'compose', '--profile', 'mailbox', 'down', '--volumes'], join(folder, 'docker')),
    );
  }, turnLimit);

  // What failed in the containers is told by their logs alone, and they are removed at the end.
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') {
      const logs = ['docker', 'compose', 'logs', '--no-color', '--tail', '150'];
      const { output } = await engine.run(logs, join(folder, 'docker'));
      process.stderr.write(`${task.name}:\n${output}\n`);
    }
  });

  afterAll(async () => {
    for (const step of undo.splice(0).toReversed()) {
      await step();
    }
  });

  const inDocker = (): string => join(folder, 'docker');
  return {
    get engine() {
      return engine;
    },
    get folder() {
      return folder;
    },
    shell: (commands, env) => engine.runOrThrow(['sh', '-euc', commands], folder, env),
    tryShell: (commands) => engine.run(['sh', '-euc', commands], inDocker()),
    services: async () => {
      const printed = await engine.runOrThrow(
        ['docker', 'compose', 'ps', '--all', '--format', 'json'],
        inDocker(),
      );
      const states = printed
        .trim()
        .split('\n')
        .map((line) => stateSchema.parse(JSON.parse(line)));
      return new Map(states.map((state) => [state.Service, state]));
    },
    cleanUpWith: (commands) => void undo.push(() => engine.run(['sh', '-uc', commands], folder)),
    secret: async (name) => (await readFile(join(inDocker(), 'secrets', name), 'utf8')).trim(),
    page: async (host) => {
      const browser = await launchChromium(await engine.wrapper(inject('chromiumPath')), [
        `--host-resolver-rules=MAP ${host} 127.0.0.1`,
      ]);
      undo.push(() => browser.close());
      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      context.setDefaultTimeout(pageLimit);
      return context.newPage();
    },
    browsers: async (origin) => {
      const { hostname: servername, port } = new URL(origin);
      const path = join(engine.folder, `published-${(count += 1)}.sock`);
      const relay = engine.spawn([process.execPath, published, path, port || '443']);
      undo.push(async () => {
        const ended = once(relay, 'exit');
        relay.kill();
        await ended;
        await rm(path, { force: true });
      });
      await once(relay.stdout ?? relay, 'data');
      const ca = await readFile(join(inDocker(), 'secrets', 'ca.crt'));
      const bridge = await startSocketBridge(0, () => connect({ path, servername, ca }));
      undo.push(() => bridge.stop());
      return () => new UserAgent(origin, `http://127.0.0.1:${bridge.port}`);
    },
  };
}

/** Waits until the engine is this file's. @returns it, and what leaves it to the next file. */
async function turnAt(url: string): Promise<{ readonly engine: ContainerEngine; end(): Promise<void> }> {
  const [response] = await once(get(url, { agent: false }), 'response');
  const answer = z.instanceof(IncomingMessage).parse(response).setEncoding('utf8');
  const [text] = z.tuple([z.string()]).parse(await once(answer, 'data'));
  if (answer.statusCode !== 200) {
    throw new Error(text);
  }
  const end = async (): Promise<void> => void answer.destroy();
  return { engine: new ContainerEngine(engineSchema.parse(JSON.parse(text))), end };
}
