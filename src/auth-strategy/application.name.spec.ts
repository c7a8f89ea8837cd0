import { describe, expect, it } from 'vitest';
import { resembles } from './application.name.js';

describe('a name', () => {
  it.each([
    ['Vestıbule', 'Vestibule'],
    ['Ac\u3164me', 'Acme'],
    ['Ac\u200Bme', 'Acme'],
    ['\u202EAcme', 'Acme'],
    ['Α\u0301cΜe Support', 'Acme'],
    ['ΖULU', 'Zulu'],
    ['Аcmе', 'Acme'],
    ['Ɑcme', 'Acme'],
    ['My-Acme', 'Acme'],
    ['ᴠᴇꜱᴛɪʙᴜʟᴇ', 'Vestibule'],
    ['ʼVestibuleʼ', 'Vestibule'],
    ['VestiЬule', 'Vestibule'],
    ['Vestibuǀe', 'Vestibule'],
    ['🆅🅴🆂🆃🅸🅱🆄🅻🅴', 'Vestibule'],
    ['🄰🅒Ⓜ🅴', 'Acme'],
  ])('%j looks like %s', (given, trusted) => {
    expect(resembles(given, trusted)).toBe(true);
  });

  it.each([
    ['Wiki', 'Acme'],
    ['Ace', 'Acme'],
    ['\u3164', 'Acme'],
  ])('%j doesn’t look like %s', (given, trusted) => {
    expect(resembles(given, trusted)).toBe(false);
  });
});
