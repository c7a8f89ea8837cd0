import { expect, it } from 'vitest';
import { z } from 'zod';
import { newSecret, providerEnv } from '../../testing.js';
import { ConfigurationError, loadConfiguration, orgsNamedIn } from '../config/configuration.js';
import { type Feature, defineFeature, defineSettings } from './feature.js';

const load = (feature: Feature) =>
  loadConfiguration({ ...providerEnv.oidc, PUBLIC_URL: 'https://auth.example.test', SECRETS: newSecret() }, [
    feature,
  ]);

it('what a feature without settings says of itself counts: checks, hosts and organisations', async () => {
  const finding = {
    code: 'closed',
    severity: 'warning',
    title: 'The shop is closed',
    fix: 'Open it.',
  } as const;
  const { features } = load(
    defineFeature({
      name: 'shop',
      hosts: () => [['SHOP', 'https://shop.example']],
      orgs: () => [['SHOP', 'acme']],
      checks: [
        {
          name: 'shop',
          isCheap: true,
          run: async (settings, { PUBLIC_URL }) => [
            { ...finding, detail: `${PUBLIC_URL} ${Object.keys(settings).length}` },
          ],
        },
      ],
    }),
  );
  const [{ settings } = { settings: undefined }] = features;
  expect(settings?.hosts()).toEqual([['SHOP', 'https://shop.example']]);
  expect(orgsNamedIn({ features })).toEqual([['SHOP', 'acme']]);
  const [check] = settings?.checks() ?? [];
  expect(await check?.run(load(defineFeature({ name: 'mail' })))).toEqual([
    { ...finding, detail: 'https://auth.example.test 0' },
  ]);
});

it('a contradiction that a feature without settings finds is refused at the start', () => {
  const shop = defineFeature({
    name: 'shop',
    contradictions: (_settings, { AUTH_PROVIDER }) => [`AUTH_PROVIDER: must not be ${AUTH_PROVIDER}`],
  });
  expect(() => load(shop)).toThrow(ConfigurationError);
  expect(() => load(shop)).toThrow('AUTH_PROVIDER: must not be oidc');
});

it('settings are told to contradictions as they are declared', () => {
  const till = defineFeature({
    name: 'till',
    settings: defineSettings('till', { TILL_COUNT: z.coerce.number().default(2) }),
    contradictions: ({ TILL_COUNT }) => {
      // @ts-expect-error: a number, as the schema makes it.
      const text: string = TILL_COUNT;
      return [`TILL_COUNT: is ${text}`];
    },
  });
  expect(() => load(till)).toThrow('TILL_COUNT: is 2');
});
