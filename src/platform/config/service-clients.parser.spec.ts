import { describe, expect, it } from 'vitest';
import { plainConfiguration } from '../../../test/support/gateway.js';
import { ConfigurationError } from './configuration.js';
import { serviceClients } from './service-clients.parser.js';

describe('SERVICE_CLIENTS', () => {
  it('is a comma list of clients with their scopes', () => {
    expect(serviceClients.parse(['robot=orgs:read  app:x app:x', 'other.client~1=api'])).toEqual([
      { clientId: 'robot', scope: ['orgs:read', 'app:x'] },
      { clientId: 'other.client~1', scope: ['api'] },
    ]);
    const configuration = plainConfiguration({ SERVICE_CLIENTS: ' robot=orgs:read app:x , second=api ' });
    expect(configuration).toMatchObject({
      SERVICE_CLIENTS: [{ clientId: 'robot' }, { clientId: 'second', scope: ['api'] }],
    });
    expect(plainConfiguration()).toMatchObject({ SERVICE_CLIENTS: [] });
  });

  it.each([
    'robot',
    'robot=',
    '=api',
    'robot=API',
    'robot=api;x',
    'ro bot=api',
    'robot==api',
    'robot=api=x',
    'robot=api,robot=app:x',
  ])('%s is no boot, and is not repeated', (value) => {
    const load = (): unknown => plainConfiguration({ SERVICE_CLIENTS: value });
    expect(load).toThrow(ConfigurationError);
    expect(load).toThrow(/SERVICE_CLIENTS: entry \d/);
    expect(load).not.toThrow(/robot/);
  });
});
