import { decodeJwt, type JWTPayload } from 'jose';
import { type OpenIdKeys, makeOpenIdKeys } from './openid.keys.js';
import { StandIn } from './stand-in.js';

/** An issuer of workloads' tokens on loopback, such as a CI service. */
export class WorkloadIssuer {
  readonly #server: StandIn;
  /** Paths that were asked for so far. */
  readonly asked: string[] = [];
  /** What its metadata says otherwise; `status` replaces the answer's. */
  metadata: Readonly<Record<string, unknown>> = {};

  private constructor(
    server: StandIn,
    /** Its URL, and `iss` of its tokens. */
    readonly url: string,
    readonly keys: OpenIdKeys,
  ) {
    this.#server = server;
  }

  static async start(): Promise<WorkloadIssuer> {
    const server = new StandIn('http://127.0.0.1:9');
    const issuer = new WorkloadIssuer(server, await server.start(), await makeOpenIdKeys());
    server.say((request, response) => {
      issuer.asked.push(request.url ?? '');
      response.setHeader('content-type', 'application/json');
      response.statusCode = Number(issuer.metadata['status'] ?? 200);
      const { kty, kid, alg, n, e } = issuer.keys.jwk;
      response.end(
        JSON.stringify(
          request.url === '/jwks'
            ? { keys: [{ kty, kid, alg, n, e }] }
            : { issuer: issuer.url, jwks_uri: `${issuer.url}/jwks`, ...issuer.metadata },
        ),
      );
      return true;
    });
    return issuer;
  }

  /** Its host, as settings name it. */
  get host(): string {
    return new URL(this.url).host;
  }

  /** Claims of a token that lives ten minutes. @param changes undefined leaves one out. */
  claims(audience: string, changes: Readonly<Record<string, unknown>> = {}): JWTPayload {
    const now = Math.floor(Date.now() / 1000);
    return decodeClaims({
      iss: this.url,
      aud: audience,
      sub: 'repo:acme/shop:ref:refs/heads/main',
      iat: now,
      exp: now + 600,
      ...changes,
    });
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }
}

/** Claims as a token states them: what is undefined isn't there. */
function decodeClaims(claims: Readonly<Record<string, unknown>>): JWTPayload {
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
  return decodeJwt(`e30.${payload}.`);
}
