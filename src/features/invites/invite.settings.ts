import { duration, variableDocs } from '../../platform/config/variable.js';
import { type SettingsOf, defineSettings } from '../../platform/features/feature.js';

/** Settings of invites. */
export const inviteSettings = defineSettings('inviteSettings', {
  INVITE_TTL: duration.default(604_800).register(variableDocs, {
    description: 'An invite to an organisation expires after this long.',
  }),
});

export type InviteSettings = SettingsOf<typeof inviteSettings>;
