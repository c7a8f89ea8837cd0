import { Readable } from 'node:stream';
import { standInChallenge, standInVerifier } from '../hydra/code-protection.js';
import type { Exchange } from './exchange.js';
import type { Gate } from './gate-list.js';
import { isContinued, parametersIn, queryOf, withParameters } from './query-limit.js';
import type { SecretGate } from './secret.gate.js';
import { peekBody, replaceBody } from './whole-body.js';

/**
 * Answers Hydra's demand for PKCE in place of programs that send none. Whether a client may do without is judged at its login, before its
 * user is asked for anything. A verifier that belongs to no challenge, or a challenge without its verifier, fails at Hydra as ever.
 * @param secrets tells which client authenticates.
 */
export const codeProtectionGate = (secrets: SecretGate): Gate => ({
  name: 'code-protection',
  admit: async (exchange) => {
    if (exchange.path === '/oauth2/auth') {
      challenge(exchange);
    } else if (exchange.hasCode) {
      await verify(exchange, secrets);
    }
  },
});

function challenge(exchange: Exchange): void {
  const query = exchange.query ?? queryOf(exchange.request.url);
  const asked = parametersIn(query);
  if (!isContinued(asked) && (asked.get('code_challenge') ?? '') === '') {
    exchange.query = withParameters(query, {
      code_challenge: standInChallenge(asked.get('client_id') ?? ''),
      code_challenge_method: 'S256',
    });
  }
}

async function verify(exchange: Exchange, secrets: SecretGate): Promise<void> {
  const { request } = exchange;
  const client = secrets.presentedBy(request);
  if (client === undefined || client.method === 'none' || !(request.body instanceof Readable)) {
    return;
  }
  const form = String(await peekBody(request, request.body));
  if ((parametersIn(form).get('code_verifier') ?? '') === '') {
    const body = Buffer.from(withParameters(form, { code_verifier: standInVerifier(client.id) }));
    exchange.length = body.length;
    replaceBody(request, body);
  }
}
