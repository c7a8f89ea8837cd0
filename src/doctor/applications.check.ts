import type { OryConfiguration } from '../platform/config/configuration.js';
import { applicationOf } from '../providers/ory/hydra/hydra-applications.js';
import type { Check, Observation } from './check.port.js';
import { readDatabase } from './database.check.js';
import { ask } from './http.probe.js';

/** Applications that are looked at at a time. */
const atOnce = 20;

/**
 * Lists the applications whose client at Hydra can't be read any more, those that may do without PKCE, and those whose claim `groups` has the
 * names of all organisations, as before there was a choice.
 */
export const applicationsCheck: Check<OryConfiguration> = {
  name: 'applications',
  isCheap: false,
  run: async ({ DATABASE_URL, HYDRA_ADMIN_URL }) => {
    const rows = await readDatabase(DATABASE_URL, async (query) =>
      query
        .selectFrom('oauth_clients')
        .select('id')
        .where('kind', '=', 'application')
        .orderBy('id')
        .execute(),
    );
    const found: Observation[] = [];
    const left = (rows ?? []).map(({ id }) => id);
    while (left.length > 0) {
      const answers = left.splice(0, atOnce).map(async (id) => ({
        id,
        ...(await ask(`${HYDRA_ADMIN_URL}/admin/clients/${encodeURIComponent(id)}`)),
      }));
      for (const { id, status, json } of await Promise.all(answers)) {
        const application = applicationOf(json);
        if (application === undefined && status === 200) {
          found.push({ code: 'application_unreadable', detail: id });
        }
        if (application !== undefined && application.codeProtection !== 'pkce') {
          const enough =
            application.codeProtection === 'nonce' ? 'a nonce is enough' : 'it needs no nonce either';
          const detail = `${application.name} (${application.id}): ${enough}`;
          found.push({ code: 'application_without_pkce', detail });
        }
        if (
          application?.groupsFrom === 'all' &&
          application.groupsAs === 'slug' &&
          application.scope.includes('groups')
        ) {
          found.push({ code: 'application_groups_all', detail: `${application.name} (${application.id})` });
        }
      }
    }
    return found;
  },
};
