import { createHash, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { renderUnicodeCompact } from 'uqr';
import type { z } from 'zod';
import type { Environment } from '../platform/config/configuration.js';
import { CommandError } from '../platform/errors/command.error.js';
import { CredentialsFile, type Credentials } from './credentials-file.js';
import { type ApiCall, GatewayClient } from './gateway.client.js';
import { listenOnLoopback } from './loopback-listener.js';

const defaultUrl = 'http://localhost:3000';
/** A token that expires within this time (milliseconds) is renewed before it's printed. */
const renewBefore = 60_000;

/** Dependencies of the users' commands. */
export interface UserSetting {
  readonly environment: Environment;
  /** Prints a line of the result. */
  readonly print: (line: string) => void;
  /** Prints a line that is meant for the person and isn't part of the result. */
  readonly tell: (line: string) => void;
  /** Asks the person for a line. */
  readonly ask: (question: string) => Promise<string>;
  readonly openBrowser: (url: string) => void;
}

interface At {
  readonly url?: string;
}

interface LoginOptions extends At {
  readonly paste?: true;
  readonly device?: true;
  readonly browser: boolean;
}

/** Adds `login`, `whoami`, `token` and `logout`. They work on any machine and only need the gateway's address. */
export function addUserCommands(program: Command, setting: UserSetting): void {
  const { environment, print, tell } = setting;
  const file = new CredentialsFile(environment);
  const gatewayOf = async (at: At): Promise<GatewayClient> => findGateway(at, environment, file);
  const command = (name: string, description: string): Command =>
    addGatewayOption(program.command(name).description(description));

  command('login', 'log in with your browser')
    .option('--device', 'for a machine without a browser: enter a code on another device')
    .option('--paste', 'the same, by pasting a code from there')
    .option('--no-browser', 'print the address only')
    .action(async (options: LoginOptions) => {
      const gateway = await gatewayOf(options);
      const previous = await file.find(gateway.url);
      const credentials =
        options.device === true
          ? await onDevice(gateway, setting)
          : options.paste === true
            ? await paste(gateway, setting)
            : await redirect(gateway, options, setting);
      await file.keep(gateway.url, credentials);
      await file.keepLastGateway(gateway.url);
      const { email, name, id } = await gateway.whoami(credentials);
      tell(`Logged in at ${gateway.url} as ${email ?? name ?? id}.`);
      if (previous !== undefined) {
        // The new login replaces the previous one: a machine needs only one.
        await gateway.revoke(previous).catch(() => undefined);
      }
    });
  command('whoami', 'who you are').action(async (options: At) => {
    const gateway = await gatewayOf(options);
    const { id, email, name } = await gateway.whoami(await required(gateway, file));
    print([name, email, id].filter((part) => part !== null).join('  '));
  });
  command('token', 'print a live token, for `Authorization: Bearer`').action(async (options: At) => {
    print((await live(await gatewayOf(options), file)).accessToken);
  });
  command('logout', 'end this login').action(async (options: At) => {
    const gateway = await gatewayOf(options);
    await gateway.revoke(await required(gateway, file));
    await file.keep(gateway.url, undefined);
    tell(`Logged out at ${gateway.url}.`);
  });
}

/** A gateway that the person is logged in to. */
export interface GatewayLogin {
  /** The gateway's origin. */
  readonly url: string;
  /** Calls the REST API as the person. @throws {CommandError} with what the API states about a refusal. */
  call<Schema extends z.ZodType>(
    method: ApiCall['method'],
    path: string,
    schema: Schema,
    body?: ApiCall['body'],
  ): Promise<z.output<Schema>>;
}

/** Adds the option that names the gateway. */
export function addGatewayOption(command: Command): Command {
  return command.option(
    '--url <url>',
    `the gateway; default: VESTIBULE_URL, else where you logged in last, else ${defaultUrl}`,
  );
}

/** The gateway that a command is for, with the person's login there. @throws {CommandError} if there is none. */
export async function loggedIn(at: At, { environment }: UserSetting): Promise<GatewayLogin> {
  const file = new CredentialsFile(environment);
  const gateway = await findGateway(at, environment, file);
  const credentials = await required(gateway, file);
  return {
    url: gateway.url,
    call: async (method, path, schema, body) =>
      gateway.call(credentials, body === undefined ? { method, path } : { method, path, body }, schema),
  };
}

async function findGateway(
  { url }: At,
  environment: Environment,
  file: CredentialsFile,
): Promise<GatewayClient> {
  return new GatewayClient(url ?? environment['VESTIBULE_URL'] ?? (await file.lastGateway()) ?? defaultUrl);
}

/** Logs in through a browser on this machine; the response comes to a loopback port. */
async function redirect(
  gateway: GatewayClient,
  { browser }: LoginOptions,
  { tell, openBrowser }: UserSetting,
): Promise<Credentials> {
  const listener = await listenOnLoopback();
  try {
    const { verifier, parameters } = newRequest();
    const state = randomBytes(16).toString('base64url');
    const url = gateway.loginPage({ ...parameters, redirect_uri: listener.redirectUri, state });
    const answering = listener.answer(state);
    tell(`Open this address to log in:\n${url}`);
    if (browser) {
      openBrowser(url);
    }
    const answer = await answering;
    const code = answer.get('code');
    // RFC 9207: the response names its issuer.
    if (code === null || answer.get('iss') !== gateway.url) {
      throw new CommandError(
        answer.get('error') === 'access_denied'
          ? 'The login was denied.'
          : 'The answer is not of this gateway.',
      );
    }
    return await gateway.redeem(code, verifier, listener.redirectUri);
  } finally {
    listener.close();
  }
}

/** Logs in through a browser on another device, where the person enters a code (RFC 8628). */
async function onDevice(gateway: GatewayClient, { tell }: UserSetting): Promise<Credentials> {
  const codes = await gateway.deviceCodes(machineName());
  tell(renderUnicodeCompact(codes.verification_uri_complete));
  tell(`Open ${codes.verification_uri} on any device, or scan the code above, and enter ${codes.user_code}.`);
  return gateway.redeemDevice(codes);
}

/** Logs in through a browser on any machine, which shows a code to paste. */
async function paste(gateway: GatewayClient, { tell, ask }: UserSetting): Promise<Credentials> {
  const { verifier, parameters } = newRequest();
  tell(`Open this address on any machine to log in:\n${gateway.loginPage(parameters)}`);
  const code = (await ask('Code: ')).trim();
  if (!/^[\w-]{43}$/.test(code)) {
    throw new CommandError('That is not a code: it has 43 characters.');
  }
  return gateway.redeem(code, verifier, undefined);
}

/** Makes a request with PKCE (RFC 7636), so that the URL isn't enough to use the code. */
function newRequest(): { verifier: string; parameters: Readonly<Record<string, string>> } {
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const device = machineName();
  return {
    verifier,
    parameters: {
      code_challenge: challenge,
      code_challenge_method: 'S256',
      ...(device === '' ? {} : { device }),
    },
  };
}

/** The name of this machine, without characters that the page can't show. */
function machineName(): string {
  return hostname()
    .replaceAll(/[^\w.-]/g, '')
    .slice(0, 60);
}

async function required(gateway: GatewayClient, file: CredentialsFile): Promise<Credentials> {
  const credentials = await file.find(gateway.url);
  if (credentials === undefined) {
    throw new CommandError(`You are not logged in at ${gateway.url}: run the command login first.`);
  }
  return credentials;
}

/** Credentials whose token the gateway accepts, for at least another minute; renews it if needed. */
async function live(gateway: GatewayClient, file: CredentialsFile): Promise<Credentials> {
  const credentials = await required(gateway, file);
  if (credentials.expiresAt - Date.now() > renewBefore && (await gateway.accepts(credentials))) {
    return credentials;
  }
  const renewed = await gateway.renew(credentials);
  await file.keep(gateway.url, renewed);
  return renewed;
}
