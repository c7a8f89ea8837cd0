import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Clock } from '../platform/time/clock.service.js';
import { UsedTokenRepository } from '../session/store/used-token.repository.js';

/** Milliseconds for which a form that was sent is known: browsers restore pages, and offer to send their forms again, for weeks. */
const kept = 30 * 86_400_000;
/** Distinguishes forms from whatever else may be used once. */
const issuer = 'form';

/** The hidden field of a form that is carried out once. A form without it counts as a new one. */
export const formIdField = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .catch(newFormId);

/** The id of a form that hasn't been sent yet. */
export function newFormId(): string {
  return randomBytes(16).toString('hex');
}

/** Carries out a form once, however often a browser sends it: a page that answers a form sends it again when it is reloaded. */
@Injectable()
export class SentForms {
  constructor(
    private readonly used: UsedTokenRepository,
    private readonly clock: Clock,
  ) {}

  /**
   * Carries out a form. One that fails may be sent again.
   * @returns undefined if it was sent before.
   */
  async once<Answer extends object>(
    formId: string,
    action: () => Promise<Answer>,
  ): Promise<Answer | undefined> {
    if (!(await this.used.use(issuer, formId, this.clock.now() + kept))) {
      return undefined;
    }
    try {
      return await action();
    } catch (error) {
      await this.used.release(issuer, formId);
      throw error;
    }
  }
}
