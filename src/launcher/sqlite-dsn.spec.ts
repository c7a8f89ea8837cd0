import { expect, test } from 'vitest';
import { callsAtOnce } from '../providers/ory/hydra/hydra.client.js';
import { exchangesAtOnce } from '../providers/ory/hydra/hydra-relying-party.js';
import { connectionsAtOnce } from '../providers/ory/proxy/ory-proxy.js';
import { sqliteDsn } from './sqlite-dsn.js';

const optionsOf = (dsn: string) => new URLSearchParams(dsn.slice(dsn.indexOf('?') + 1));

test('each request that the gateway has at Ory at once finds a connection to the database', () => {
  const connections = Number(optionsOf(sqliteDsn('/data/hydra.sqlite')).get('max_conns'));
  expect(connections).toBeGreaterThan(callsAtOnce + exchangesAtOnce + connectionsAtOnce.hydra);
  expect(connections).toBeGreaterThan(connectionsAtOnce.kratos);
});

test('a path may have any character', () => {
  expect(sqliteDsn("/it's #1? 50% 日本/x.sqlite")).toMatch(
    /^sqlite:\/\/file:\/it's%20%231%3F%2050%25%20%E6%97%A5%E6%9C%AC\/x\.sqlite\?_fk=true&/,
  );
});
