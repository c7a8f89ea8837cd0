import { Readable } from 'node:stream';
import type { Gate } from './gate-list.js';
import { parametersIn, withoutParameters } from './query-limit.js';
import { peekBody, replaceBody } from './whole-body.js';

/**
 * Leaves out the `state` of a logout that comes back to no application (OpenID Connect RP-Initiated Logout 1.0 section 2): it is for the
 * address to return to, and Hydra refuses one without an ID token.
 */
export const logoutStateGate: Gate = {
  name: 'logout-state',
  admit: async (exchange) => {
    const { request, path, query } = exchange;
    if (path !== '/oauth2/sessions/logout') {
      return;
    }
    const form = request.body instanceof Readable ? String(await peekBody(request, request.body)) : '';
    const asked = parametersIn(`${query}&${form}`);
    if (!asked.has('state') || asked.has('id_token_hint') || asked.has('post_logout_redirect_uri')) {
      return;
    }
    exchange.query = withoutParameters(query, ['state']);
    if (form !== '') {
      const body = Buffer.from(withoutParameters(form, ['state']));
      exchange.length = body.length;
      replaceBody(request, body);
    }
  },
};
