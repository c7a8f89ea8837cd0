import { describe, expect, it } from 'vitest';
import { displayNameForm, displayNameOf, isVisible } from './display-name.js';

describe('a name that a provider gives', () => {
  it.each([
    ['Ada Lovelace', 'Ada Lovelace'],
    [' Ada ', ' Ada '],
    ['\u202Enimda', 'nimda'],
    ['\u2067nimda\u2069', 'nimda'],
    ['Ada\r\nBcc: x@example.org', 'Ada Bcc: x@example.org'],
    ['Ada\u2028Lovelace', 'Ada Lovelace'],
    ['Ada\u001B[31m', 'Ada [31m'],
    ['Ada\uD800', 'Ada'],
    ['क्\u200Dष', 'क्\u200Dष'],
    ['عليّ', 'عليّ'],
    ['', ''],
    [' ', null],
    ['\u200B\u2060', null],
    ['\u3164', null],
    ['\u2800\u00A0', null],
    ['\u202E\u200B', null],
    ['\r\n', null],
    ['\u202E', null],
    [null, null],
  ])('%j is shown as %j', (name, shown) => {
    expect(displayNameOf(name)).toBe(shown);
  });

  it('has the form of names that users give', () => {
    const codes = Array.from({ length: 0x1_00_01 }, (_value, code) => code);
    const wrong = codes.filter((code) => {
      const shown = displayNameOf(`a${String.fromCodePoint(code)}b`) ?? '';
      return !displayNameForm.test(shown) || !isVisible(shown);
    });
    expect(wrong).toEqual([]);
  });
});
