import { Readable } from 'node:stream';
import { Problem } from '../../../platform/errors/problem.error.js';
import { hydraIdOf, isAgentId } from '../hydra/agent-client.js';
import type { Gate } from './gate-list.js';
import { parametersIn, queryOf } from './query-limit.js';
import { peekBody } from './whole-body.js';

/** The refusal of a client to which the browser isn't sent back. @param why in words that follow a colon. */
export function clientRefusal(why: string, cause?: unknown): Problem {
  return new Problem('malformed_request', {
    detail: `The application that sent you here can’t be used: ${why}.`,
    reason: 'client_refused',
    cause,
  });
}

/**
 * Refuses clients that registered themselves, which Hydra may have kept: they get tokens for protected resources and nothing else, so there
 * is nothing for them where no feature issues these.
 */
export const selfRegisteredGate: Gate = {
  name: 'self-registered',
  admit: async ({ request, path, presented, refresh }) => {
    if (!/^\/oauth2\/(?:auth|token)$/.test(path)) {
      return;
    }
    const body = request.body instanceof Readable ? String(await peekBody(request, request.body)) : '';
    const asked = [queryOf(request.url), body].flatMap((form) => parametersIn(form).getAll('client_id'));
    const ids = [...asked, presented?.id ?? '', refresh?.clientId ?? ''];
    if (ids.some((id) => isAgentId(hydraIdOf(id)))) {
      throw clientRefusal('it is unknown');
    }
  },
};
