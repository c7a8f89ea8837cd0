/** The form of keys: `vst_<id>_<secret><checksum>`, where the checksum is the CRC-32 of what comes before it, in hex. */
const form = /^(vst_([\da-f]{12}7[\da-f]{3}[89ab][\da-f]{15})_[\w-]{43})([\da-f]{8})$/;
const encoder = new TextEncoder();

/** Whether a credential is meant to be an API key. */
export function isLikeApiKey(credential: string): boolean {
  return credential.startsWith('vst_');
}

/** The id of an API key, which is the `sid` of its tokens; undefined for a text that no gateway has made. */
export function apiKeyId(key: string): string | undefined {
  const [, body, id, checksum] = form.exec(key) ?? [];
  if (body === undefined || id === undefined || checksum !== crc32(body)) {
    return undefined;
  }
  return [id.slice(0, 8), id.slice(8, 12), id.slice(12, 16), id.slice(16, 20), id.slice(20)].join('-');
}

/** A key as gateways make it, for tests. @param id of the key, a UUID v7. */
export function makeApiKey(id: string): string {
  const secret = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))));
  const body = `vst_${id.replaceAll('-', '')}_${secret.replaceAll('+', '-').replaceAll('/', '_').replace('=', '')}`;
  return body + crc32(body);
}

/** What a key is remembered by: its SHA-256. */
export async function digestOf(key: string): Promise<string> {
  const bytes = await crypto.subtle.digest('SHA-256', encoder.encode(key));
  return String.fromCharCode(...new Uint8Array(bytes));
}

/** CRC-32 of a text in ASCII, in hex; edge runtimes have no zlib. */
function crc32(text: string): string {
  let sum = -1;
  for (let index = 0; index < text.length; index += 1) {
    sum ^= text.charCodeAt(index);
    for (let bit = 0; bit < 8; bit += 1) {
      sum = (sum >>> 1) ^ (sum & 1 ? 0xed_b8_83_20 : 0);
    }
  }
  return (~sum >>> 0).toString(16).padStart(8, '0');
}
