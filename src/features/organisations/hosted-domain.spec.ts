import { describe, expect, it } from 'vitest';
import { domainOf, hostedDomainSchema } from './hosted-domain.js';

describe('hostedDomainSchema', () => {
  it.each([
    ['example.org', 'example.org'],
    [' Mail.EXAMPLE.org ', 'mail.example.org'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['a-b.co.uk', 'a-b.co.uk'],
  ])('%j is %j', (given, domain) => {
    expect(hostedDomainSchema.parse(given)).toBe(domain);
  });

  it.each([
    '',
    'localhost',
    'example',
    'example.org.',
    '.example.org',
    'exa mple.org',
    'a..b.org',
    '-a.example.org',
    '127.0.0.1',
    '0x7f.1',
    '[::1]',
    'user@example.org',
    'https://example.org',
    'example.org/x',
    'example.org:25',
    'example.org\r\nBcc: x',
    `${'a'.repeat(64)}.org`,
    `${'a.'.repeat(130)}org`,
    'gmail.com',
    'GMAIL.com',
    'yahoo.co.uk',
    'outlook.de',
  ])('refuses %j', (given) => {
    expect(hostedDomainSchema.safeParse(given).success).toBe(false);
  });
});

describe('domainOf', () => {
  it.each([
    ['ada@example.org', 'example.org'],
    ['ada@EXAMPLE.org', 'example.org'],
    ['"a@evil.test"@example.org', 'example.org'],
    ['ada@bücher.example', 'xn--bcher-kva.example'],
    ['nobody', undefined],
    ['@example.org', undefined],
    ['ada@', undefined],
    [null, undefined],
  ])('%j is of %j', (email, domain) => {
    expect(domainOf(email)).toBe(domain);
  });
});
