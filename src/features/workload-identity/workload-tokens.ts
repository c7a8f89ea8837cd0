import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { decodeJwt, jwtVerify } from 'jose';
import { z } from 'zod';
import { ServiceClients } from '../../login/service-clients.service.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { givenIdSchema } from '../../platform/core/id.schema.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { Clock } from '../../platform/time/clock.service.js';
import { keyProblem, signatureAlgorithms } from '../../platform/upstream/provider-keys.js';
import {
  type ForeignTokenSource,
  ForeignTokens,
  type OfferedToken,
  type ResolvedSubject,
} from '../../session/tokens/foreign-tokens.js';
import { OAuthError } from '../../session/tokens/oauth.error.js';
import { claimsOf, hasClaims } from './tenant-claims.js';
import { WorkloadIssuers } from './workload-issuers.js';
import { WorkloadRuleRepository } from './workload-rule.repository.js';

/** Seconds by which an issuer's clock may be ahead of ours. */
const clockTolerance = 30;
/** The longest life of a workload's token, in seconds. */
const longestLife = 3600;

const payloadSchema = z.looseObject({
  /** One audience: with several, each could use the token here. */
  aud: z.union([z.string(), z.tuple([z.string()]).transform(([only]) => only)]),
  iat: z.number().nonnegative(),
  exp: z.number().nonnegative(),
});

/** Exchanges the tokens of workloads: each rule says of which machine a token may get one. */
@Injectable()
export class WorkloadTokens implements ForeignTokenSource, OnModuleInit {
  readonly #publicUrl: string;

  constructor(
    private readonly foreign: ForeignTokens,
    private readonly rules: WorkloadRuleRepository,
    private readonly issuers: WorkloadIssuers,
    private readonly machines: ServiceClients,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { PUBLIC_URL }: Configuration,
  ) {
    this.#publicUrl = PUBLIC_URL;
  }

  onModuleInit(): void {
    this.foreign.use(this);
  }

  async resolve({ token, clientId }: OfferedToken): Promise<ResolvedSubject | undefined> {
    const issuer = issuerIn(token);
    if (issuer === undefined || issuer === this.#publicUrl) {
      return undefined;
    }
    if (clientId === undefined) {
      throw new OAuthError(
        'invalid_request',
        'client_id must name the machine that the token of another issuer is for',
        'workload_without_client',
      );
    }
    // Before anything is asked: what changes from here on outdates the token.
    const readAt = this.clock.now();
    const { data: id } = givenIdSchema.safeParse(clientId);
    const rules = id === undefined ? [] : await this.rules.list(id, issuer);
    if (id === undefined || rules.length === 0) {
      throw refused('workload_not_trusted');
    }
    const payload = await this.#verify(token, issuer);
    const rule = rules.find((one) => one.audience === payload.aud && hasClaims(payload, claimsOf(one)));
    if (rule === undefined) {
      const hasAudience = rules.some(({ audience }) => audience === payload.aud);
      throw refused(hasAudience ? 'workload_claims_differ' : 'workload_audience_differs');
    }
    const claims = await this.machines.claimsOf(id, readAt);
    if (claims === undefined) {
      throw refused('workload_without_machine');
    }
    return { claims, latest: Math.floor(payload.exp), staysInOrg: false, kind: 'workload' };
  }

  /** The payload of a token that its issuer has signed, and that is live and lives short. */
  async #verify(token: string, issuer: string): Promise<z.output<typeof payloadSchema>> {
    const find = await this.issuers.keysOf(issuer);
    const { payload } = await jwtVerify(token, find, {
      algorithms: signatureAlgorithms,
      issuer,
      clockTolerance,
      currentDate: this.clock.date(),
    }).catch((error: unknown) => {
      throw keyProblem(error, refused('workload_token_invalid', error));
    });
    const { data } = payloadSchema.safeParse(payload);
    if (data === undefined) {
      throw refused('workload_token_claims');
    }
    const now = this.clock.seconds();
    if (data.exp <= now || data.iat > now + clockTolerance) {
      throw refused('workload_token_not_live');
    }
    if (data.exp - data.iat > longestLife) {
      throw refused('workload_token_too_long');
    }
    return data;
  }
}

/** The issuer that a token states, before anything is verified; undefined if it states none. */
function issuerIn(token: string): string | undefined {
  try {
    const { iss } = decodeJwt(token);
    return typeof iss === 'string' ? iss : undefined;
  } catch {
    return undefined;
  }
}

function refused(reason: string, cause?: unknown): Problem {
  return new Problem('unauthenticated', { reason, cause });
}
