import { defineFeature } from '../../platform/features/feature.js';
import { userAdministrationTexts } from './user-administration-texts.js';
import { userEvents } from './user-audit-events.js';

/**
 * The routes and pages with which administrators manage users: profile and role, disabling and deletion, sessions, API keys, recovery codes and
 * second factors. Without them, users are as they were: who is disabled stays shut out, and a recovery code that was made counts only while its
 * maker is an administrator. The operator still has `vestibule users` and `vestibule revoke`. The scopes are core's, because other features'
 * routes ask for them, too.
 */
export const userAdministration = defineFeature({
  name: 'user-administration',
  prefixes: ['user_administration', 'recovery'],
  texts: userAdministrationTexts,
  auditEvents: userEvents,
  module: async () => (await import('./user-administration.module.js')).UserAdministrationModule,
});
