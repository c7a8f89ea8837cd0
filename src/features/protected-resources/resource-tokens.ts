import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Account } from '../../directory/users/account.query.js';
import type { ProtectedResource } from '../../providers/ory/hydra/protected-resource.js';
import { scopeTokens } from '../../session/guards/scopes.js';
import { RevocationService } from '../../session/revocation/revocation.service.js';
import { accountClaims } from '../../session/tokens/account-claims.js';
import { type TokenSubject, TokenService } from '../../session/tokens/token.service.js';
import { isAgentId } from '../../providers/ory/hydra/agent-client.js';
import { HydraClient } from '../../providers/ory/hydra/hydra.client.js';
import type { ActiveToken, LoginContext, RefreshToken } from '../../providers/ory/hydra/hydra.schemas.js';
import type { ResourceGrant } from '../../providers/ory/proxy/exchange.js';
import { OAuthRefusal } from '../../providers/ory/proxy/oauth-refusal.js';
import { ResourceRegistry } from '../../providers/ory/hydra/resource-registry.js';
import { ResourceKeys } from './resource-keys.js';
import { ResourceSubjects } from './resource-subjects.js';

const answerSchema = z.looseObject({ access_token: z.string(), scope: z.string().optional() });

/**
 * Makes the tokens of resources (docs/adr/0032). Hydra's own access token is opaque, so that only the gateway could say what it is
 * worth. In its answer, a token takes its place that the resource verifies by itself: the gateway's, for this one audience, with the
 * client as the acting party, and with the id of the consent as `sid`, by which it ends when the consent does.
 */
@Injectable()
export class ResourceTokens {
  constructor(
    private readonly hydra: HydraClient,
    private readonly resources: ResourceRegistry,
    private readonly subjects: ResourceSubjects,
    private readonly tokens: TokenService,
    private readonly revocations: RevocationService,
    private readonly keys: ResourceKeys,
  ) {}

  /**
   * @param json Hydra's answer to a token request.
   * @param grant what the request stated.
   * @returns the answer to send instead; undefined for a token of no resource.
   * @throws {OAuthRefusal}
   */
  async bind(json: unknown, grant: ResourceGrant): Promise<Readonly<Record<string, unknown>> | undefined> {
    const { wanted } = grant;
    const answer = answerSchema.parse(json);
    const token = await this.hydra.introspect(answer.access_token);
    const resource = this.resources.ofAudience(token?.aud);
    if (token === undefined || resource === undefined) {
      if (wanted !== undefined || (token !== undefined && isAgentId(token.client_id))) {
        throw new OAuthRefusal(
          'invalid_target',
          'the grant is for no resource, or for another one',
          'grant_without_resource',
        );
      }
      return undefined;
    }
    if (wanted !== undefined && wanted !== resource.resource) {
      throw grantOfOtherResource();
    }
    const subject = await this.#subjectOf(token, resource);
    const bound = await this.keys.claimsFor(resource.resource, grant, token.ext);
    const minted = await this.tokens.mint(
      { ...subject, ...bound },
      Number.POSITIVE_INFINITY,
      resource.resource,
    );
    const { exp, iat, scope, cnf } = minted.claims;
    const type = cnf === undefined ? 'Bearer' : 'DPoP';
    return { ...answer, access_token: minted.token, token_type: type, expires_in: exp - iat, scope };
  }

  /** Requires that tokens which were made before may still be given out. @throws {OAuthRefusal} */
  async requireLive(token: RefreshToken): Promise<void> {
    const resource = this.resources.ofAudience(token.aud);
    if (resource !== undefined) {
      await this.#subjectOf(token, resource);
    }
  }

  async #subjectOf({ sub, scope, ext }: GrantedToken, resource: ProtectedResource): Promise<TokenSubject> {
    const { grant_id: grantId, client_id: clientId } = ext ?? {};
    if (
      ext === undefined ||
      grantId === undefined ||
      clientId === undefined ||
      this.revocations.isSessionOver(grantId)
    ) {
      throw new OAuthRefusal('invalid_grant', 'the user has taken the access back', 'grant_ended');
    }
    const account = await this.subjects.require(sub);
    return subjectOf(ext, { grantId, clientId, resource, account, granted: scopeTokens(scope ?? '') });
  }
}

/** The refusal of a token request that names another resource than its grant. */
export function grantOfOtherResource(): OAuthRefusal {
  return new OAuthRefusal('invalid_target', 'the grant is for another resource', 'grant_of_other_resource');
}

/** A token of a consent. */
interface GrantedToken extends Pick<ActiveToken, 'sub' | 'scope'> {
  readonly ext?: LoginContext | undefined;
}

interface Grant {
  readonly grantId: string;
  readonly clientId: string;
  readonly resource: ProtectedResource;
  readonly account: Account;
  readonly granted: readonly string[];
}

/** No role and no organisation: a client that acts for an administrator isn't one. What describes the user needs the scope for it. */
function subjectOf(
  context: LoginContext,
  { grantId, clientId, resource, account, granted }: Grant,
): TokenSubject {
  const login = { amr: context.amr, acr: context.acr ?? 'aal1' } as const;
  const known = accountClaims(account, login);
  const { sub, jti, email_verified: emailVerified, email, name, picture, second_factor: demand } = known;
  if (demand?.missing?.includes('session') === true) {
    throw new OAuthRefusal(
      'invalid_grant',
      'the user must log in with a second factor',
      'second_factor_missing',
    );
  }
  return {
    sub,
    jti,
    email_verified: emailVerified,
    ...(granted.includes('email') && email !== undefined ? { email } : {}),
    ...(granted.includes('profile') && name !== undefined ? { name } : {}),
    ...(granted.includes('profile') && picture !== undefined ? { picture } : {}),
    sid: grantId,
    auth_time: Math.floor(context.auth_time / 1000),
    ...login,
    ...(demand === undefined || demand.missing !== undefined ? {} : { second_factor: demand }),
    idp: 'ory',
    client_id: clientId,
    act: { sub: clientId },
    scope: granted.filter((scope) => resource.scopes.has(scope)).join(' '),
  };
}
