import type { ConnectionStep } from '../connections/connection-step.js';
import type { OidcConnectionSettings } from './oidc-connection.parser.js';
import { parseJson } from '../../platform/config/json.parser.js';
import { inTime } from '../../platform/time/deadline.js';
import type { Fetch } from '../../platform/upstream/upstream-calls.js';
import { wholeAnswer } from '../../platform/upstream/whole-answer.js';
import {
  type SecretMethod,
  authenticatedForm,
  clientRefusalOf,
  secretMethodOf,
} from '../../providers/oidc/client-authentication.js';
import { StepError, TestReport, reachFaultOf } from '../connections/test-report.js';

/** Milliseconds for one question. */
const longestAnswer = 5000;
/** Metadata without which no user can log in. */
const needed = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const;

/** Tries an OpenID provider out: its metadata, its issuer, its keys, and whether it knows the client and its secret. */
export async function testOpenId(
  { issuer, clientId, clientSecret, secretMethod }: OidcConnectionSettings,
  redirectUri: string,
  call: Fetch,
): Promise<readonly ConnectionStep[]> {
  const report = new TestReport();
  const { host } = new URL(issuer);
  const ask = async (url: string, options: RequestInit = {}): Promise<{ status: number; json: unknown }> =>
    inTime(longestAnswer, async (signal) => {
      const answer = await wholeAnswer(await call(url, { ...options, redirect: 'manual', signal }));
      return { status: answer.status, json: parseJson(await answer.text()) };
    });
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const first = await report.run('reach', host, async () => ask(url), reachFaultOf);
  const metadata = await report.run('discovery', url, async () => {
    const { status = 0, json } = first ?? {};
    if (status !== 200 || typeof json !== 'object' || json === null) {
      throw new StepError('not_a_provider');
    }
    return json;
  });
  const member = (name: string): string => {
    const value: unknown = Reflect.get(metadata ?? {}, name);
    return typeof value === 'string' && URL.canParse(value) ? value : '';
  };
  await report.run('issuer', issuer, async () => {
    const stated = member('issuer');
    if (stated === '' || new URL(stated).href !== new URL(issuer).href) {
      throw new StepError('issuer_mismatch', stated);
    }
  });
  const keysUrl = member('jwks_uri');
  await report.run(
    'keys',
    keysUrl,
    async () => {
      const modes: unknown = Reflect.get(metadata ?? {}, 'response_modes_supported');
      if (needed.some((name) => member(name) === '') || (Array.isArray(modes) && !modes.includes('query'))) {
        throw new StepError('metadata_incomplete');
      }
      const { status, json } = await ask(keysUrl);
      const keys: unknown = Reflect.get(Object(json), 'keys');
      if (status !== 200 || !Array.isArray(keys) || keys.length === 0) {
        throw new StepError('no_keys');
      }
    },
    reachFaultOf,
  );
  const tokenUrl = member('token_endpoint');
  /** Sends a code that can't exist: a provider that accepts the client refuses only that (RFC 6749 section 5.2). */
  const tryClient = async (
    method: SecretMethod,
  ): Promise<'client_refused' | 'client_unclear' | undefined> => {
    const fields = {
      grant_type: 'authorization_code',
      code: 'a-test-of-the-connection',
      redirect_uri: redirectUri,
      code_verifier: 'a-test-of-the-connection-that-is-long-enough',
    };
    const { body, headers } = authenticatedForm(fields, { clientId, clientSecret }, method);
    const { status, json } = await ask(tokenUrl, {
      method: 'POST',
      body: body.toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    });
    if (clientRefusalOf(status, json) !== undefined) {
      return 'client_refused';
    }
    return Reflect.get(Object(json), 'error') === 'invalid_grant' ? undefined : 'client_unclear';
  };
  await report.run(
    'client',
    tokenUrl,
    async () => {
      const supported = textsIn(metadata);
      const method = secretMethod ?? secretMethodOf({ token_endpoint_auth_methods_supported: supported });
      const outcome = await tryClient(method);
      if (outcome === 'client_refused' && clientSecret !== undefined) {
        const other = method === 'client_secret_post' ? 'client_secret_basic' : 'client_secret_post';
        if ((await tryClient(other)) === undefined) {
          throw new StepError('client_method', other);
        }
      }
      if (outcome !== undefined) {
        throw new StepError(outcome);
      }
    },
    reachFaultOf,
  );
  return report.steps;
}

/** The methods by which a client may authenticate, if the metadata names them. */
function textsIn(metadata: object | undefined): readonly string[] | undefined {
  const value: unknown = Reflect.get(metadata ?? {}, 'token_endpoint_auth_methods_supported');
  return Array.isArray(value) ? value.map(String) : undefined;
}
