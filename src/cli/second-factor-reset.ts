import { resetInSequence } from '../directory/notices/reset-sequence.js';
import { resetSecondFactors } from '../providers/ory/kratos/second-factor-reset.js';
import { AddedConsents } from '../providers/ory/hydra/added-consents.js';
import { HydraClient } from '../providers/ory/hydra/hydra.client.js';
import { HydraGrants } from '../providers/ory/hydra/hydra-grants.js';
import { IdentityLocks } from '../providers/ory/kratos/identity-locks.js';
import { KratosClearance } from '../providers/ory/kratos/kratos-clearance.js';
import { KratosClient } from '../providers/ory/kratos/kratos.client.js';
import { kratosIssuer } from '../providers/ory/kratos/kratos-session.js';
import type { CliServices } from './cli-context.js';
import { ofSessions } from '../directory/audit/audit-event.js';
import { DatabaseLocks } from '../platform/database/database-locks.js';
import { CommandError } from '../platform/errors/command.error.js';

/**
 * Resets a user's second factors for the operator, also those of the only administrator. It does what the API does.
 * @returns the message to print. @throws {CommandError} if the provider isn't Kratos, or the user isn't there.
 */
export async function runReset(services: CliServices, userId: string): Promise<string> {
  const { configuration, users, uses, revocations, audit, notices, context } = services;
  if (configuration.AUTH_PROVIDER !== 'ory') {
    throw new CommandError('Second factors are kept by the login provider: they are reset there.');
  }
  const user = await users.require(userId);
  const identities = await users.identitiesOf(userId);
  const own = identities.filter(({ issuer }) => issuer === kratosIssuer);
  if (own.length === 0) {
    throw new CommandError('This user has no account at Kratos.');
  }
  const parts = {
    kratos: new KratosClient(configuration),
    clearance: new KratosClearance(configuration, new IdentityLocks(context.get(DatabaseLocks))),
    grants: new HydraGrants(new HydraClient(configuration), uses, revocations, new AddedConsents()),
  };
  const actor = { id: null, credential: 'operator' } as const;
  const removed = await resetInSequence(
    own.map(({ subject }) => subject),
    {
      invalidate: async () => revocations.invalidate('user', userId),
      reset: async (subject, gone) => resetSecondFactors(parts, subject, gone),
      end: async () => {
        const reason = 'ended_by_operator';
        const ended = await revocations.endSessionsOf({ userId }, reason);
        if (ended.length > 0) {
          await audit.record({ type: 'session_ended', userId, ...ofSessions(ended), reason, actor });
        }
      },
      note: async (reason) => audit.record({ type: 'second_factor_reset', userId, actor, reason }),
      tell: async () => notices.tell('second_factor_reset', user),
    },
  );
  if (removed.size === 0) {
    return 'This user had no second factor. All their sessions are ended.';
  }
  return 'The second factors are removed, and all sessions ended: the user logs in with the password alone.';
}
