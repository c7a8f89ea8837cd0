import Bowser from 'bowser';

/** What a User-Agent header says of the program and the machine it runs on. It's the sender's word, no proof. */
export interface Device {
  /** Text for people: `Chrome on Linux`, `curl`, `Unknown device`. */
  readonly device: string;
  readonly browser: string | null;
  readonly os: string | null;
}

/** Characters that are looked at. */
const longest = 300;
const browsers: ReadonlySet<string> = new Set(Object.values(Bowser.BROWSER_MAP));
const systems: ReadonlySet<string> = new Set(Object.values(Bowser.OS_MAP));
const shorterNames: ReadonlyMap<string, string> = new Map([
  ['Samsung Internet for Android', 'Samsung Internet'],
]);
/** What programs without a screen call themselves: `curl/8.5.0`, `node` (RFC 9110 section 10.1.5). */
const product = /^([a-z][\w.-]{1,29})(?:\/v?\d|$)/i;
const noProduct = /^(?:mozilla|opera|undefined|null|unknown|none)$/i;

/** Names the device of a stored User-Agent header. Whatever the header is, the answer is short and has no markup. */
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

/** The library takes any words before a slash for a name: only names that it knows by heart are taken from it. */
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
