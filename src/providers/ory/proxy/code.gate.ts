import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { isDeepStrictEqual } from 'node:util';
import type { FastifyRequest } from 'fastify';
import { decodeJwt } from 'jose';
import { z } from 'zod';
import { parseJson } from '../../../platform/config/json.parser.js';
import { unavailable } from '../../../platform/upstream/vendor-call.js';
import type { ApplicationClaims } from '../challenges/application-claims.js';
import { rightsClaims } from '../hydra/hydra-claims.js';
import type { HydraClient } from '../hydra/hydra.client.js';
import { isOwnClient } from '../hydra/hydra-clients.js';
import { OAuthRefusal } from './oauth-refusal.js';
import type { IdentitySource } from '../sources/identity-source.js';
import type { ApplicationAccess } from './application-access.js';
import type { Exchange } from './exchange.js';
import { parametersIn, withParameters } from './query-limit.js';
import { peekBody } from './whole-body.js';

const answerSchema = z.looseObject({ access_token: z.string(), id_token: z.string().optional() });

/**
 * Decides, when Hydra has made tokens for a code, whether the application gets them. A browser may keep the last redirects of a login for
 * half an hour: Hydra 2.3 accepts them also after its user was disabled or their session ended, and states the rights that they had before.
 */
export class CodeGate {
  constructor(
    private readonly hydra: HydraClient,
    private readonly sources: IdentitySource,
    private readonly access: ApplicationAccess,
    private readonly claims: ApplicationClaims,
  ) {}

  /** Call it before the request is passed on. @throws {Problem} `malformed_request`, `payload_too_large` */
  async admit(exchange: Exchange): Promise<void> {
    const { request, path } = exchange;
    if (request.method === 'POST' && path === '/oauth2/token' && request.body instanceof Readable) {
      // Whatever the grant type is: Hydra ignores blanks around it.
      exchange.hasCode = parametersIn(String(await peekBody(request, request.body))).has('code');
    }
  }

  /**
   * Call it in an `onSend` hook.
   * @param payload of Hydra's answer.
   * @returns what to send instead; undefined if the answer stays as it is. @throws {Problem} `provider_unavailable`
   */
  async settle({ request, reply, hasCode }: Exchange, payload: unknown): Promise<unknown> {
    if (!hasCode || reply.statusCode !== 200 || !(payload instanceof Readable)) {
      return undefined;
    }
    const answer = await text(payload);
    const refusal = await this.#refusalOf(answer, request);
    if (refusal === undefined) {
      return Readable.from([answer], { objectMode: false });
    }
    request.log.info({ error: refusal.code, reason: refusal.reason }, 'token request refused');
    void reply.code(400).removeHeader('content-length');
    return JSON.stringify(refusal);
  }

  async #refusalOf(answer: string, request: FastifyRequest): Promise<OAuthRefusal | undefined> {
    const { data, error } = answerSchema.safeParse(parseJson(answer));
    if (data === undefined) {
      throw unavailable('hydra_answer_unreadable', error);
    }
    const token = await this.hydra.introspect(data.access_token);
    if (token === undefined) {
      return new OAuthRefusal('invalid_grant', 'the access has ended', 'grant_ended');
    }
    const { sub, client_id: clientId, ext } = token;
    if (isOwnClient(clientId)) {
      return undefined;
    }
    const session = await this.sources.findSession({ id: ext.kratos_session_id, subject: sub });
    const user = session?.isActive === true && session.identity.subject === sub ? session : undefined;
    if ((await this.access.judge(token, request, user)).identity === undefined) {
      return new OAuthRefusal('invalid_grant', 'the user may not use the application', 'not_admitted');
    }
    if (user === undefined) {
      return new OAuthRefusal('invalid_grant', 'the session of the user has ended', 'session_ended');
    }
    const stated = rightsIn(data.id_token);
    if (Object.keys(stated).length === 0) {
      return undefined;
    }
    const current = await this.claims.current(sub, new Set(Object.keys(stated)), [clientId]);
    return isDeepStrictEqual(stated, current)
      ? undefined
      : new OAuthRefusal(
          'invalid_grant',
          'the rights of the user have changed: log in again',
          'rights_changed',
        );
  }
}

/**
 * Has Hydra refuse every authorization request that isn't for a code, also one that a browser changes on its way back from a page: tokens
 * in the front channel would reach the application without this gate. Hydra knows where a refusal may go.
 */
export function admitOnlyCodes(exchange: Exchange): void {
  const { query, path } = exchange;
  if (path !== '/oauth2/auth') {
    return;
  }
  const types = (parametersIn(query).get('response_type') ?? '').split(' ');
  if (types.some((type) => type !== '' && type !== 'code')) {
    exchange.query = withParameters(query, { response_type: 'only_code' });
  }
}

/** What an ID token, which Hydra made a moment ago, states about its user's rights. */
function rightsIn(idToken: string | undefined): Readonly<Record<string, unknown>> {
  const claims = idToken === undefined ? {} : decodeJwt(idToken);
  return Object.fromEntries(Object.entries(claims).filter(([name]) => rightsClaims.includes(name)));
}
