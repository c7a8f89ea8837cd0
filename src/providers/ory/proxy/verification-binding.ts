import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { PurposeCipher } from '../../../platform/crypto/purpose-cipher.js';
import { readSingleCookie } from '../../../platform/http/cookie-reader.js';
import { CookieWriter } from '../../../platform/http/cookie-writer.js';

/** Seconds for which a code can be given: as long as Kratos' flow. */
const lifetime = 1800;
/** Maximum flows that are remembered per browser: one for each tab that waits for a code. */
const maximumFlows = 5;

const bindingSchema = z.object({
  flow: z.string(),
  /** Id of the identity whose address is verified by it. */
  identity: z.string(),
  /** The only code that is accepted, if a mailed link was opened; otherwise any code that Kratos mailed for the flow is. */
  code: z.string().optional(),
  /** Seconds since the epoch. */
  expiresAt: z.number(),
});

/** Which account a verification flow of Kratos' is for. */
export type VerificationFlow = Omit<z.output<typeof bindingSchema>, 'expiresAt'>;

/**
 * Remembers the verification flows for which this browser may enter a code, in an encrypted cookie. Kratos accepts a code from
 * any browser, and doesn't report whose address it verifies. Only the mail and the request for it show that.
 */
@Injectable()
export class VerificationBindings {
  readonly #cipher: PurposeCipher;

  constructor(
    private readonly cookies: CookieWriter,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { SECRETS }: Configuration,
  ) {
    this.#cipher = new PurposeCipher(SECRETS, 'verification-flow');
  }

  find(request: FastifyRequest, flow: string): VerificationFlow | undefined {
    return this.#read(request).find((binding) => binding.flow === flow);
  }

  add(request: FastifyRequest, reply: FastifyReply, binding: VerificationFlow): void {
    const others = this.#read(request).filter(({ flow }) => flow !== binding.flow);
    const expiresAt = this.clock.seconds() + lifetime;
    const all = [{ ...binding, expiresAt }, ...others].slice(0, maximumFlows);
    this.cookies.set(reply, this.#name, this.#cipher.encrypt(JSON.stringify(all)), lifetime);
  }

  #read(request: FastifyRequest): readonly z.output<typeof bindingSchema>[] {
    const sealed = readSingleCookie(request.headers.cookie, this.#name);
    const text = sealed === undefined ? undefined : this.#cipher.decrypt(sealed);
    const all = text === undefined ? [] : z.array(bindingSchema).parse(JSON.parse(text));
    return all.filter(({ expiresAt }) => expiresAt >= this.clock.seconds());
  }

  get #name(): string {
    return this.cookies.name('vestibule-verification');
  }
}
