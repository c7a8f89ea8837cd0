import { expect, test } from 'vitest';
import { fillEnvTemplate } from './env-template.js';

test('fills placeholders, skips comments and blank lines', () => {
  const text = '# A=1\n\nA=${X}/path?a=b\nB=${MISSING:-fallback}\nC=plain\n  D=${X:-unused}  \n';
  expect(fillEnvTemplate(text, { X: 'http://localhost:3000' })).toEqual({
    A: 'http://localhost:3000/path?a=b',
    B: 'fallback',
    C: 'plain',
    D: 'http://localhost:3000',
  });
});

test('a value is never read as a pattern', () => {
  expect(fillEnvTemplate('A=${X}', { X: '$& ${Y}' })).toEqual({ A: '$& ${Y}' });
});

test('names the placeholder that has no value', () => {
  expect(() => fillEnvTemplate('DSN=${KRATOS_DSN}', {})).toThrow('DSN needs a value for KRATOS_DSN');
});

test('an empty value counts as missing', () => {
  expect(fillEnvTemplate('A=${X:-y}', { X: '' })).toEqual({ A: 'y' });
});
