import { defineFeature } from '../../platform/features/feature.js';
import { PushedRequestDatabase } from './pushed-request.schema.js';
import { pushedRequestTable } from './pushed-requests.migration.js';

/** Authorization requests that an application sends itself, instead of through the browser (RFC 9126). */
export const pushedRequests = defineFeature({
  name: 'pushed-requests',
  prefixes: ['pushed'],
  providers: ['ory'],
  tables: ['pushed_requests'],
  database: PushedRequestDatabase,
  migrations: { '0001-first': pushedRequestTable },
  module: async () => (await import('./pushed-requests.module.js')).PushedRequestsModule,
});
