import { z } from 'zod';
import { isScopeToken } from '../core/scope.form.js';

/** An OAuth client that may exchange its own tokens for augmented ones. */
export interface ServiceClient {
  readonly clientId: string;
  /** All scopes that its augmented tokens can have. */
  readonly scope: readonly string[];
}

const entryPattern = /^([\w.~-]{1,200})=(\S+(?: +\S+)*)$/;

/** `client=scope scope`, comma-separated → clients. */
export const serviceClients = z.array(z.string()).transform((entries, context) => {
  const clients: ServiceClient[] = [];
  for (const [index, entry] of entries.entries()) {
    const [, clientId, scopes] = entryPattern.exec(entry) ?? [];
    const scope = (scopes ?? '').split(/ +/);
    if (clientId === undefined || !scope.every(isScopeToken)) {
      context.addIssue(`entry ${index + 1} must be client_id=scope, with blanks between several scopes`);
    } else if (clients.some((client) => client.clientId === clientId)) {
      context.addIssue(`entry ${index + 1} names a client that an entry before it names`);
    } else {
      clients.push({ clientId, scope: [...new Set(scope)] });
    }
  }
  return clients;
});
