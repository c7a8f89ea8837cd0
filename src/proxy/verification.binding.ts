import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Clock } from '../core/clock.service.js';
import { SecretBox } from '../core/secret.box.js';
import { readSingleCookie } from '../http/cookie.reader.js';
import { CookieJar } from '../http/cookie.writer.js';

/** Seconds for which a code can be given: as long as Kratos' flow. */
const lifetime = 1800;
/** Flows of one browser that are remembered: one for each tab in which a code is waited for. */
const maximumFlows = 5;

const bindingSchema = z.object({
  flow: z.string(),
  /** Id of the identity whose address is verified by it. */
  identity: z.string(),
  /** The only code that is taken, where a mailed link was opened; without one, any that Kratos mailed for the flow. */
  code: z.string().optional(),
  /** Seconds since the epoch. */
  expiresAt: z.number(),
});

/** Which account a verification flow of Kratos' is for. */
export type VerificationFlow = Omit<z.output<typeof bindingSchema>, 'expiresAt'>;

/**
 * Which verification flows this browser may give a code to, in an encrypted cookie. Kratos takes a code from any browser, and doesn't
 * tell whose address it is: only the mail says that, and who asked for it.
 */
@Injectable()
export class VerificationBindings {
  readonly #jar: CookieJar;
  readonly #clock: Clock;
  readonly #box: SecretBox;

  constructor(jar: CookieJar, clock: Clock, @Inject(CONFIGURATION) { SECRETS }: Configuration) {
    this.#jar = jar;
    this.#clock = clock;
    this.#box = new SecretBox(SECRETS, 'verification-flow');
  }

  find(request: FastifyRequest, flow: string): VerificationFlow | undefined {
    return this.#read(request).find((binding) => binding.flow === flow);
  }

  add(request: FastifyRequest, reply: FastifyReply, binding: VerificationFlow): void {
    const others = this.#read(request).filter(({ flow }) => flow !== binding.flow);
    const expiresAt = this.#clock.seconds() + lifetime;
    const all = [{ ...binding, expiresAt }, ...others].slice(0, maximumFlows);
    this.#jar.set(reply, this.#name, this.#box.seal(JSON.stringify(all)), lifetime);
  }

  #read(request: FastifyRequest): readonly z.output<typeof bindingSchema>[] {
    const sealed = readSingleCookie(request.headers.cookie, this.#name);
    const text = sealed === undefined ? undefined : this.#box.open(sealed);
    const all = text === undefined ? [] : z.array(bindingSchema).parse(JSON.parse(text));
    return all.filter(({ expiresAt }) => expiresAt >= this.#clock.seconds());
  }

  get #name(): string {
    return this.#jar.name('vestibule-verification');
  }
}
