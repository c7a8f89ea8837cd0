import { Controller, Get, Inject, Req } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Clock } from '../core/clock.service.js';
import { Problem } from '../core/problem.error.js';
import { Public } from '../session/access.decorators.js';
import { isProof, proofHeader } from './reach.proof.js';

/** How a request arrived at the gateway, after every proxy. */
export const reachSchema = z.object({
  /** Whether the host that the gateway goes by is `PUBLIC_URL`'s. */
  host: z.boolean(),
  /** Which forwarding headers there were. */
  forwardedProto: z.boolean(),
  forwardedFor: z.boolean(),
  /** Whether `TRUST_PROXY` names the peer that sent them. */
  trusted: z.boolean(),
});

/** Tells `vestibule doctor` how its request arrived. For everybody else, who doesn't know the secrets, it isn't there. */
@ApiExcludeController()
@Controller('health')
@Public()
export class ReachController {
  readonly #clock: Clock;
  readonly #configuration: Configuration;

  constructor(clock: Clock, @Inject(CONFIGURATION) configuration: Configuration) {
    this.#clock = clock;
    this.#configuration = configuration;
  }

  @Get('reach')
  reach(@Req() request: FastifyRequest): z.output<typeof reachSchema> {
    const { PUBLIC_URL, SECRETS } = this.#configuration;
    if (!isProof(request.headers[proofHeader], SECRETS, this.#clock.now())) {
      throw new Problem('not_found', { reason: 'doctor_proof_missing' });
    }
    return {
      host: request.host.toLowerCase() === new URL(PUBLIC_URL).host.toLowerCase(),
      forwardedProto: request.headers['x-forwarded-proto'] !== undefined,
      forwardedFor: request.headers['x-forwarded-for'] !== undefined,
      // Only behind a trusted peer is there more than the peer itself.
      trusted: (request.ips ?? []).length > 1,
    };
  }
}
