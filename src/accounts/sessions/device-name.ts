import Bowser from 'bowser';

/** The program and machine that a User-Agent header names. Senders can write anything there, so it proves nothing. */
export interface Device {
  /** Text for the user: `Chrome on Linux`, `curl`, `Unknown device`. */
  readonly device: string;
  readonly browser: string | null;
  readonly os: string | null;
}

/** Maximum number of characters that are read. */
const longest = 300;
const browsers: ReadonlySet<string> = new Set(Object.values(Bowser.BROWSER_MAP));
const systems: ReadonlySet<string> = new Set(Object.values(Bowser.OS_MAP));
const shorterNames: ReadonlyMap<string, string> = new Map([
  ['Samsung Internet for Android', 'Samsung Internet'],
]);
/** The name of a program that isn't a browser: `curl/8.5.0`, `node` (RFC 9110 section 10.1.5). */
const product = /^([a-z][\w.-]{1,29})(?:\/v?\d|$)/i;
const noProduct = /^(?:mozilla|opera|undefined|null|unknown|none)$/i;

/** Names the device of a stored User-Agent header. For any header the result is short and has no markup. */
export function describeDevice(userAgent: string | null): Device {
  const text = userAgent?.slice(0, longest).trim() ?? '';
  if (text === '') {
    return { device: 'Unknown device', browser: null, os: null };
  }
  const found = Bowser.parse(text);
  const browser = browserOf(found.browser.name, text);
  const os = found.os.name !== undefined && systems.has(found.os.name) ? found.os.name : null;
  const model = found.platform.model;
  const machine = model === 'iPhone' || model === 'iPad' ? model : os;
  return { device: deviceOf(browser, machine), browser, os };
}

/** A program's name. The library takes any words before a slash for a browser, so only its known names are used. */
function browserOf(found: string | undefined, text: string): string | null {
  if (found !== undefined && browsers.has(found)) {
    return shorterNames.get(found) ?? found;
  }
  const name = product.exec(text)?.[1];
  return name === undefined || noProduct.test(name) ? null : name;
}

function deviceOf(browser: string | null, machine: string | null): string {
  if (browser === null) {
    return machine === null ? 'Unknown device' : `Unknown app on ${machine}`;
  }
  return machine === null ? browser : `${browser} on ${machine}`;
}
