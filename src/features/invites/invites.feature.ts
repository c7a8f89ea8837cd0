import { defineFeature } from '../../platform/features/feature.js';
import { inviteEvents } from './invite-audit-events.js';
import { inviteSettings } from './invite.settings.js';

/**
 * Invites: administrators' for an account alone, and how any is mailed, shown and accepted. Without them, nobody has the invite that
 * `SIGNUP=invite` and `SIGNUP=closed` ask for, and what withdraws open ones withdraws none: they count again if the feature comes back within
 * `INVITE_TTL`. Owners' invites to an organisation are made by the feature `organisations`.
 */
export const invites = defineFeature({
  name: 'invites',
  prefixes: ['invite'],
  settings: inviteSettings,
  auditEvents: inviteEvents,
  module: async () => (await import('./invites.module.js')).InvitesModule,
});
