import { z } from 'zod';
import { unavailable } from '../../../platform/upstream/vendor-call.js';
import { type OryAnswer, parseAnswer } from '../ory-api.js';
import { kratosIdentitySchema } from './kratos-session.js';

const writtenSchema = kratosIdentitySchema.extend({ id: z.string() });
const unreadable = 'kratos_answer_unreadable';

/** An identity as Kratos has written it. */
export type WrittenIdentity = z.output<typeof writtenSchema>;

/** The identity that Kratos answers a change with. @throws {Problem} `provider_unavailable` for any other answer, such as a proxy's page. */
export function writtenIdentity(id: string, answer: OryAnswer): WrittenIdentity {
  const written = parseAnswer(writtenSchema, answer, unreadable);
  requireWritten(written.id.toLowerCase() === id.toLowerCase());
  return written;
}

/** Requires that Kratos has written what it was told to. @throws {Problem} `provider_unavailable` */
export function requireWritten(isWritten: boolean): void {
  if (!isWritten) {
    throw unavailable(unreadable);
  }
}
