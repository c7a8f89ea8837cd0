import { z } from 'zod';
import { CommandError } from './command.error.js';
import type { Credentials } from './credentials.file.js';

const timeout = 15_000;
const tokenSchema = z.object({ access_token: z.string(), expires_in: z.number() });
const loginSchema = tokenSchema.extend({ api_key: z.string(), api_key_id: z.uuid() });
const meSchema = z.object({ id: z.string(), email: z.string().nullable(), name: z.string().nullable() });

/** Who the caller is. */
export type Caller = z.output<typeof meSchema>;

/** What a command line asks a gateway. */
export class GatewayClient {
  /** Its origin. */
  readonly url: string;

  /** @throws {CommandError} for what isn't an origin, and for http beyond this machine, where anybody could listen. */
  constructor(text: string) {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const isLoopback =
      url !== undefined && /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
    if (url === undefined || !(url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback))) {
      throw new CommandError('The address must be https://…; plain http is only taken for this machine.');
    }
    this.url = url.origin;
  }

  /** The page on which a person confirms. */
  loginPage(parameters: Readonly<Record<string, string>>): string {
    return `${this.url}/auth/cli?${new URLSearchParams(parameters)}`;
  }

  /** A confirmed code → credentials. @param redirectUri left out for a pasted code. */
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
    return {
      apiKey: answer.api_key,
      apiKeyId: answer.api_key_id,
      accessToken: answer.access_token,
      expiresAt: Date.now() + answer.expires_in * 1000,
    };
  }

  /** The same credentials with a new token (RFC 8693). */
  async renew(credentials: Credentials): Promise<Credentials> {
    const answer = tokenSchema.parse(
      await this.#token({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: credentials.apiKey,
        subject_token_type: 'urn:vestibule:params:oauth:token-type:api_key',
      }),
    );
    return {
      ...credentials,
      accessToken: answer.access_token,
      expiresAt: Date.now() + answer.expires_in * 1000,
    };
  }

  /** Asked with the key: a token may be out of date because something about the person has changed. */
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

  /** Ends a login; one that is over already has what it wanted. */
  async revoke({ apiKey, apiKeyId }: Credentials): Promise<void> {
    const answer = await this.#fetch(`/api/v1/api-keys/${apiKeyId}`, {
      method: 'DELETE',
      headers: { 'x-api-key': apiKey },
    });
    if (![204, 401, 404].includes(answer.status)) {
      throw new CommandError(`${this.url} did not end the login: status ${answer.status}. Try again.`);
    }
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
        // What a credential was sent to must not send it on.
        redirect: 'error',
        signal: AbortSignal.timeout(timeout),
      });
    } catch (error) {
      throw new CommandError(`${this.url} cannot be reached.`, { cause: error });
    }
  }
}
