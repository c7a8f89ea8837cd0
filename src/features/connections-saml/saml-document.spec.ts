import { expect, it } from 'vitest';
import { cpuTime } from '../../../test/support/timed.js';
import { decodeMessage } from './saml-document.js';

it('reads base64 on one line or on several', () => {
  const packed = Buffer.from('<Response/>').toString('base64');
  expect(decodeMessage(packed)).toBe('<Response/>');
  expect(decodeMessage(` ${packed.slice(0, 4)}\r\n${packed.slice(4)}\n`)).toBe('<Response/>');
});

it.each(['', ' ', '====', 'PHhtbD4=!', 'a'.repeat(262_145), undefined, ['PHhtbD4=']])(
  'refuses %j',
  (given) => {
    expect(() => decodeMessage(given)).toThrow(expect.objectContaining({ reason: 'saml_not_base64' }));
  },
);

it('refuses blanks that end in another sign in milliseconds [W27]', async () => {
  const blanks = `${' '.repeat(262_000)}!`;
  expect(await cpuTime(() => expect(() => decodeMessage(blanks)).toThrow())).toBeLessThan(1000);
});
