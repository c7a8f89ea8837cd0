import type { LoginChecks } from '../oidc/relying.party.js';

/** As much of an Express request as passport-auth0 reads; `session` lives as long as one call. */
export interface PassportRequest {
  readonly query: Readonly<Record<string, string>>;
  readonly session: { authParams?: { scope: string; nonce: string } };
  checks?: LoginChecks;
}

/** As much of an Express response as passport writes when it redirects. */
export class PassportResponse {
  statusCode = 200;
  location: string | undefined;
  onEnd: () => void = () => undefined;

  setHeader(name: string, value: string): void {
    if (name.toLowerCase() === 'location') {
      this.location = value;
    }
  }

  end(): void {
    this.onEnd();
  }
}
