import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { CommandError } from '../platform/errors/command.error.js';
import { deviceGrantType } from '../session/tokens/token-types.js';
import type { Credentials } from './credentials-file.js';
import { isLoopbackHost } from '../platform/core/loopback.js';

const timeout = 15_000;
const tokenSchema = z.object({ access_token: z.string(), expires_in: z.number() });
const loginSchema = tokenSchema.extend({ api_key: z.string(), api_key_id: z.uuid() });
const deviceSchema = z.object({
  device_code: z.string(),
  user_code: z.string(),
  verification_uri: z.string(),
  verification_uri_complete: z.string(),
  expires_in: z.number(),
  interval: z.number(),
});
const meSchema = z.object({ id: z.string(), email: z.string().nullable(), name: z.string().nullable() });

const refusalSchema = z.object({ error: z.string() }).catch({ error: 'invalid_request' });
const deviceErrors: Readonly<Record<string, string>> = {
  access_denied: 'The login was denied.',
  expired_token: 'The code was not entered in time: run vestibule login again.',
};
const problemSchema = z.object({
  title: z.string(),
  detail: z.string().optional(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).default([]),
});

/** A call of the REST API. */
export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Path with query. The caller encodes its parts. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

/** The API refused a call. */
export class RefusalError extends CommandError {
  constructor(
    message: string,
    readonly status: number,
    /** What is wrong with which member of the body. */
    readonly errors: readonly { readonly field: string; readonly message: string }[],
  ) {
    super(message);
  }
}

/** What a machine without a browser shows, and asks with. */
export type DeviceCodes = z.output<typeof deviceSchema>;

/** The user that a request is made for. */
export type Caller = z.output<typeof meSchema>;

/** Client of a gateway's HTTP API, for the commands of users. */
export class GatewayClient {
  /** The gateway's origin. */
  readonly url: string;

  /** @throws {CommandError} if the text isn't a URL, or is http to another machine, where anyone could listen. */
  constructor(text: string) {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const isTaken = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname));
    if (url === undefined || !isTaken) {
      throw new CommandError('The address must be https://…; plain http is only taken for this machine.');
    }
    this.url = url.origin;
  }

  /** URL of the page on which a person confirms the login. */
  loginPage(parameters: Readonly<Record<string, string>>): string {
    return `${this.url}/auth/cli?${new URLSearchParams(parameters)}`;
  }

  /** Exchanges a confirmed code for credentials. @param redirectUri undefined for a pasted code. */
  async redeem(code: string, verifier: string, redirectUri: string | undefined): Promise<Credentials> {
    const answer = loginSchema.parse(
      await this.#token({
        grant_type: 'authorization_code',
        client_id: 'vestibule-cli',
        code,
        code_verifier: verifier,
        ...(redirectUri === undefined ? {} : { redirect_uri: redirectUri }),
      }),
    );
    return { apiKey: answer.api_key, apiKeyId: answer.api_key_id, ...tokenOf(answer) };
  }

  /** Gets the codes of a login that a user allows on another device. @param machine name of this one. */
  async deviceCodes(machine: string): Promise<DeviceCodes> {
    const form = { client_id: 'vestibule-cli', ...(machine === '' ? {} : { device: machine }) };
    const answer = await this.#fetch('/auth/device', { method: 'POST', body: new URLSearchParams(form) });
    if (answer.status !== 200) {
      throw new CommandError(
        answer.status === 404
          ? `${this.url} has no logins of machines without a browser: use --paste.`
          : `${this.url} answered with status ${answer.status}.`,
      );
    }
    return deviceSchema.parse(await answer.json());
  }

  /** Waits until the user has allowed a login on another device. @throws {CommandError} if they haven't. */
  async redeemDevice({ device_code: code, interval, expires_in: life }: DeviceCodes): Promise<Credentials> {
    const end = performance.now() + life * 1000;
    const form = { grant_type: deviceGrantType, client_id: 'vestibule-cli', device_code: code };
    let wait = interval;
    while (performance.now() < end) {
      await pause(wait * 1000);
      const request = { method: 'POST', body: new URLSearchParams(form) };
      const answer = await this.#fetch('/auth/token', request).catch(() => undefined);
      if (answer?.status === 200) {
        const granted = loginSchema.parse(await answer.json());
        return { apiKey: granted.api_key, apiKeyId: granted.api_key_id, ...tokenOf(granted) };
      }
      const error = answer?.status === 400 ? refusalSchema.parse(await answer.json()).error : 'slow_down';
      if (error === 'slow_down') {
        // RFC 8628 section 3.5, also of a gateway that can't be reached.
        wait += 5;
      } else if (error !== 'authorization_pending') {
        throw new CommandError(
          deviceErrors[error] ?? `${this.url} did not accept the login: run vestibule login again.`,
        );
      }
    }
    throw new CommandError(deviceErrors['expired_token']);
  }

  /** Exchanges the API key for a new access token (RFC 8693). @returns the credentials with that token. */
  async renew(credentials: Credentials): Promise<Credentials> {
    const answer = tokenSchema.parse(
      await this.#token({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: credentials.apiKey,
        subject_token_type: 'urn:vestibule:params:oauth:token-type:api_key',
      }),
    );
    return { ...credentials, ...tokenOf(answer) };
  }

  /** Whether the gateway still accepts the token: it may be outdated, because the user or an organisation of theirs has changed. */
  async accepts({ accessToken }: Credentials): Promise<boolean> {
    const answer = await this.#fetch('/api/v1/me', { headers: { authorization: `Bearer ${accessToken}` } });
    return answer.status !== 401;
  }

  /** Reads the user's profile, with the API key: a token may be outdated if the user has changed since. */
  async whoami({ apiKey }: Credentials): Promise<Caller> {
    const answer = await this.#fetch('/api/v1/me', { headers: { 'x-api-key': apiKey } });
    if (answer.status !== 200) {
      throw new CommandError(
        answer.status === 401
          ? `You are no longer logged in at ${this.url}: run vestibule login.`
          : `${this.url} answered with status ${answer.status}.`,
      );
    }
    return meSchema.parse(await answer.json());
  }

  /** Ends a login by deleting its API key. A login that has already ended is no error. */
  async revoke({ apiKey, apiKeyId }: Credentials): Promise<void> {
    const answer = await this.#fetch(`/api/v1/api-keys/${apiKeyId}`, {
      method: 'DELETE',
      headers: { 'x-api-key': apiKey },
    });
    if (![204, 401, 404].includes(answer.status)) {
      throw new CommandError(`${this.url} did not end the login: status ${answer.status}. Try again.`);
    }
  }

  /**
   * Calls the REST API, with the API key: a token may be outdated if the user has changed since.
   * @param schema of the answer; it gets undefined for one without content.
   * @throws {RefusalError} with what the API states about a refusal, {CommandError}
   */
  async call<Schema extends z.ZodType>(
    { apiKey }: Credentials,
    { method, path, body }: ApiCall,
    schema: Schema,
  ): Promise<z.output<Schema>> {
    const answer = await this.#fetch(path, {
      method,
      headers: {
        'x-api-key': apiKey,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const isJson = answer.headers.get('content-type')?.includes('json') === true;
    const json: unknown = isJson ? JSON.parse(text) : undefined;
    if (!answer.ok) {
      throw this.#refusalOf(json, answer.status);
    }
    return schema.parse(json);
  }

  #refusalOf(json: unknown, status: number): CommandError {
    if (status === 401) {
      return new CommandError(`You are no longer logged in at ${this.url}: run vestibule login.`);
    }
    const { data } = problemSchema.safeParse(json);
    if (data === undefined) {
      return new CommandError(`${this.url} answered with status ${status}.`);
    }
    const lines = data.errors.map(({ field, message }) => `${field} ${message}`);
    return new RefusalError([data.detail ?? `${data.title}.`, ...lines].join('\n'), status, data.errors);
  }

  async #token(form: Readonly<Record<string, string>>): Promise<unknown> {
    const answer = await this.#fetch('/auth/token', { method: 'POST', body: new URLSearchParams(form) });
    if (answer.status === 400) {
      throw new CommandError(`${this.url} did not accept the login: run vestibule login.`);
    }
    if (answer.status !== 200) {
      throw new CommandError(`${this.url} answered with status ${answer.status}. Try again.`);
    }
    return answer.json();
  }

  async #fetch(path: string, request: RequestInit): Promise<Response> {
    try {
      return await fetch(`${this.url}${path}`, {
        ...request,
        // A redirect must not carry the credentials to another server.
        redirect: 'error',
        signal: AbortSignal.timeout(timeout),
      });
    } catch (error) {
      throw new CommandError(`${this.url} cannot be reached.`, { cause: error });
    }
  }
}

function tokenOf({ access_token, expires_in }: z.output<typeof tokenSchema>) {
  return { accessToken: access_token, expiresAt: Date.now() + expires_in * 1000 };
}
