import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeDevice } from './device-name.js';
import { cpuTime } from '../../../test/support/timed.js';

const webkit = 'AppleWebKit/537.36 (KHTML, like Gecko)';
const mobile = 'AppleWebKit/605.1.15 (KHTML, like Gecko)';

describe('describeDevice', () => {
  it.each([
    [`Mozilla/5.0 (X11; Linux x86_64) ${webkit} Chrome/126.0.0.0 Safari/537.36`, 'Chrome on Linux'],
    [
      `Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${webkit} Chrome/126.0.0.0 Safari/537.36`,
      'Chrome on Chrome OS',
    ],
    [
      `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webkit} Chrome/126.0.0.0 Safari/537.36`,
      'Chrome on Windows',
    ],
    [
      `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webkit} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0`,
      'Microsoft Edge on Windows',
    ],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0',
      'Firefox on Windows',
    ],
    ['Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko', 'Internet Explorer on Windows'],
    [
      `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${mobile} Version/17.4 Safari/605.1.15`,
      'Safari on macOS',
    ],
    [
      `Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) ${mobile} Version/17.4 Mobile/15E148 Safari/604.1`,
      'Safari on iPhone',
    ],
    [
      `Mozilla/5.0 (iPad; CPU OS 17_4 like Mac OS X) ${mobile} CriOS/126.0 Mobile/15E148 Safari/604.1`,
      'Chrome on iPad',
    ],
    [
      `Mozilla/5.0 (Linux; Android 14; Pixel 8) ${webkit} Chrome/126.0.0.0 Mobile Safari/537.36`,
      'Chrome on Android',
    ],
    [
      `Mozilla/5.0 (Linux; Android 14; SM-S921B) ${webkit} SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36`,
      'Samsung Internet on Android',
    ],
    ['Mozilla/5.0 (X11; Linux x86_64) Something', 'Unknown app on Linux'],
    ['curl/8.5.0', 'curl'],
    ['Wget/1.21.4', 'Wget'],
    ['HTTPie/3.2.1', 'HTTPie'],
    ['python-requests/2.31.0', 'python-requests'],
    ['Go-http-client/1.1', 'Go-http-client'],
    ['okhttp/4.9.3', 'okhttp'],
    ['node', 'node'],
    ['vestibule-cli/1.0 (linux)', 'vestibule-cli on Linux'],
    ['Mozilla/5.0', 'Unknown device'],
    ['undefined', 'Unknown device'],
    ['notnull/1.0', 'notnull'],
    ['nonesuch/1.0', 'nonesuch'],
    ['  curl/8.5.0  ', 'curl'],
    ['evil <b>/1 x', 'Unknown device'],
    ['a sentence of somebody/1', 'Unknown device'],
    ['   ', 'Unknown device'],
    ['', 'Unknown device'],
    [null, 'Unknown device'],
  ])('%s is "%s"', (userAgent, device) => {
    expect(describeDevice(userAgent).device).toBe(device);
  });

  it('gives browser and system apart', () => {
    expect(describeDevice('curl/8.5.0')).toEqual({ device: 'curl', browser: 'curl', os: null });
    expect(
      describeDevice(
        `Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) ${mobile} Version/17.4 Safari/604.1`,
      ),
    ).toEqual({ device: 'Safari on iPhone', browser: 'Safari', os: 'iOS' });
  });

  it('never throws, whatever the header is: a short text without markup', () => {
    const words = fc.constantFrom(
      'Mozilla/5.0',
      'Chrome/',
      'like Gecko',
      'Android',
      'iPhone',
      'Windows NT',
      '__proto__/1',
      'constructor/1',
      'toString',
      '<script>',
      '/',
      ';',
      '(',
    );
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.array(fc.oneof(words, fc.string({ maxLength: 8 }))).map((parts) => parts.join(' ')),
    );
    fc.assert(
      fc.property(texts, (userAgent) => {
        expect(describeDevice(userAgent).device).toMatch(/^[\w][\w .-]{1,60}$/);
      }),
      { numRuns: 2000 },
    );
  });

  it('takes no longer for a huge header', async () => {
    for (const part of ['a', ' ', '/', 'Mozilla/5.0 (', 'Version/1.', ';'.repeat(50)]) {
      expect(await cpuTime(() => describeDevice(part.repeat(1_000_000)))).toBeLessThan(500);
    }
  });
});
