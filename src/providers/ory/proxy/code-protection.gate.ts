import { Readable } from 'node:stream';
import { isStandIn, protectionFault, standInFor, standInVerifier } from '../hydra/code-protection.js';
import type { HydraClient } from '../hydra/hydra.client.js';
import { applicationOf } from '../hydra/hydra-applications.js';
import { isHydraId } from '../hydra/hydra-clients.js';
import type { Exchange } from './exchange.js';
import type { Gate } from './gate-list.js';
import { isContinued, parametersIn, withParameters } from './query-limit.js';
import { peekBody, replaceBody } from './whole-body.js';

/**
 * Answers Hydra's demand for PKCE in place of programs that send none. Whether a client may do without is judged at its login, before its
 * user is asked for anything, and again when the code is made: a browser may have changed its request meanwhile. A verifier that belongs
 * to no challenge, or a challenge without its verifier, fails at Hydra as ever.
 */
export const codeProtectionGate = (hydra: HydraClient): Gate => ({
  name: 'code-protection',
  admit: async (exchange) => {
    if (exchange.path === '/oauth2/auth') {
      await challenge(exchange, hydra);
    } else if (exchange.hasCode) {
      await verify(exchange);
    }
  },
});

async function challenge(exchange: Exchange, hydra: HydraClient): Promise<void> {
  const { query } = exchange;
  const asked = parametersIn(query);
  const clientId = asked.get('client_id') ?? '';
  if (!isContinued(asked)) {
    if ((asked.get('code_challenge') ?? '') === '') {
      exchange.query = withParameters(query, standInFor(clientId));
    }
  } else if (
    asked.has('consent_verifier') &&
    isStandIn(asked) &&
    protectionFault(isHydraId(clientId) ? applicationOf(await hydra.client(clientId)) : undefined, asked) !==
      undefined
  ) {
    // Hydra knows where its refusal goes.
    exchange.query = withParameters(query, { code_challenge: '' });
  }
}

async function verify(exchange: Exchange): Promise<void> {
  const { request, presented: client } = exchange;
  if (client === undefined || client.secret === '' || !(request.body instanceof Readable)) {
    return;
  }
  const form = String(await peekBody(request, request.body));
  if ((parametersIn(form).get('code_verifier') ?? '') === '') {
    const body = Buffer.from(withParameters(form, { code_verifier: standInVerifier(client.id) }));
    exchange.length = body.length;
    replaceBody(request, body);
  }
}
