import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { CompactSign, type CryptoKey, type GenerateKeyPairResult, exportJWK, generateKeyPair } from 'jose';
import type { Parts } from './token.forge.js';

/** Types of events: CAEP 1.0, RISC Profile 1.0, Shared Signals Framework 1.0. */
export const caep = 'https://schemas.openid.net/secevent/caep/event-type/';
export const risc = 'https://schemas.openid.net/secevent/risc/event-type/';
export const ssf = 'https://schemas.openid.net/secevent/ssf/event-type/';

/** Answers a request in the transmitter's place. @returns false to let it answer after all. */
type Override = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A transmitter of signals, written from the specifications: metadata and keys over HTTP, events by push (RFC 8935). */
export class SignalTransmitter {
  readonly issuer: string;
  /** Paths that were requested, in order. */
  readonly requests: string[] = [];
  /** Members that its metadata has besides. */
  metadata: Parts = {};
  #keys: GenerateKeyPairResult;
  #kid = randomBytes(4).toString('hex');
  #override: Override = () => false;
  readonly #server: ReturnType<typeof createServer>;

  private constructor(issuer: string, keys: GenerateKeyPairResult, server: ReturnType<typeof createServer>) {
    this.issuer = issuer;
    this.#keys = keys;
    this.#server = server;
  }

  /** @param path of the issuer, for transmitters that share a host. */
  static async start(path = ''): Promise<SignalTransmitter> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const transmitter = new SignalTransmitter(`http://127.0.0.1:${port}${path}`, await makeKeys(), server);
    server.on('request', (request, response) => void transmitter.#answer(request, response));
    return transmitter;
  }

  get keys(): GenerateKeyPairResult {
    return this.#keys;
  }

  get kid(): string {
    return this.#kid;
  }

  /** Replaces the signing key by a new one. */
  async rotate(): Promise<void> {
    this.#keys = await makeKeys();
    this.#kid = randomBytes(4).toString('hex');
  }

  /** From now on answers like this; undefined for its own answers. */
  say(override: Override | undefined): void {
    this.#override = override ?? (() => false);
  }

  /** The claims of a security event token (RFC 8417 section 2.2). @param aud the receiver. */
  claims(aud: unknown, events: Parts, subject?: Parts): Parts {
    return {
      iss: this.issuer,
      jti: randomBytes(8).toString('hex'),
      iat: Math.floor(Date.now() / 1000),
      aud,
      txn: randomBytes(4).toString('hex'),
      ...(subject === undefined ? {} : { sub_id: subject }),
      events,
    };
  }

  /** Signs claims as this transmitter does, with these differences. */
  async sign(claims: Parts, header: Parts = {}, key: CryptoKey = this.#keys.privateKey): Promise<string> {
    return new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
      .setProtectedHeader({ alg: 'ES256', typ: 'secevent+jwt', kid: this.#kid, ...header })
      .sign(key);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    this.requests.push(path);
    if (this.#override(request, response)) {
      return;
    }
    const { origin, pathname } = new URL(this.issuer);
    // Shared Signals Framework 1.0 section 7.2: between the host and the path of the issuer.
    const answers: Readonly<Record<string, unknown>> = {
      [`/.well-known/ssf-configuration${pathname.replace(/\/$/, '')}`]: {
        spec_version: '1_0',
        issuer: this.issuer,
        jwks_uri: `${origin}/jwks`,
        delivery_methods_supported: ['urn:ietf:rfc:8935'],
        ...this.metadata,
      },
      '/jwks': { keys: [{ ...(await exportJWK(this.#keys.publicKey)), kid: this.#kid, use: 'sig' }] },
    };
    response.writeHead(answers[path] === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answers[path] ?? {}));
  }
}

function makeKeys(): Promise<GenerateKeyPairResult> {
  return generateKeyPair('ES256', { extractable: true });
}
