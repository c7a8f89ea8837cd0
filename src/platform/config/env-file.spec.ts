import { parseEnv } from 'node:util';
import { expect, it } from 'vitest';
import { cutNames } from './env-file.js';

it('names the values that a # cuts off, and no others', () => {
  const text = [
    'BRAND_COLOR=#0b5f59',
    'ADMIN_PASSWORD=long#enough',
    'export SMTP_URL=smtp://user:a#b@mail',
    'PORT=3000 # a comment',
    'HOST= # none',
    'BRAND_NAME="Acme #1"',
    '# SIGNUP=open#closed',
    'SIGNUP=closed',
  ].join('\n');
  expect(cutNames(text)).toEqual(['BRAND_COLOR', 'ADMIN_PASSWORD', 'SMTP_URL']);
  // What Node makes of them.
  expect(parseEnv(text)).toMatchObject({
    BRAND_COLOR: '',
    ADMIN_PASSWORD: 'long',
    SMTP_URL: 'smtp://user:a',
  });
  expect(parseEnv(text)).toMatchObject({ PORT: '3000', HOST: '', BRAND_NAME: 'Acme #1', SIGNUP: 'closed' });
});
