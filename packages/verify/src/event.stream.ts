/** A server-sent event; without data, a sign of life. */
export interface ServerEvent {
  readonly id: string;
  readonly data: string;
}

/** Characters of one event. The gateway's own have less than one million. */
const longest = 4 * 2 ** 20;

/**
 * Reads server-sent events (HTML Living Standard, section 9.2). A comment is an event without data.
 * @param silence milliseconds without a byte after which the stream counts as broken.
 * @throws when it is broken, or sends what can't be an event.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  silence: number,
): AsyncGenerator<ServerEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  /** A carriage return at a chunk's end, which may be half of a line's end. */
  let held = '';
  /** Parts of the event that is being read, without an empty line in them. */
  let parts: string[] = [];
  let length = 0;
  try {
    for (;;) {
      const { value, done } = await within(silence, reader.read());
      if (done) {
        return;
      }
      const text = held + decoder.decode(value, { stream: true });
      held = text.endsWith('\r') ? '\r' : '';
      let rest = text.slice(0, text.length - held.length).replaceAll(/\r\n?/g, '\n');
      for (;;) {
        // The empty line that ends an event may lie across two chunks.
        const seam =
          parts.at(-1)?.endsWith('\n') === true && rest.startsWith('\n') ? 0 : rest.indexOf('\n\n');
        if (seam === -1) {
          break;
        }
        yield parse(parts.join('') + rest.slice(0, seam));
        rest = rest.slice(rest.indexOf('\n', seam) + 1).replace(/^\n+/, '');
        parts = [];
        length = 0;
      }
      if (rest !== '') {
        parts.push(rest);
        length += rest.length;
      }
      if (length > longest) {
        throw new RangeError('an event is too long');
      }
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

function parse(text: string): ServerEvent {
  const fields = text.split('\n').map((line) => {
    const [name = '', ...value] = line.split(':');
    return [name, value.join(':').replace(/^ /, '')] as const;
  });
  const valueOf = (wanted: string): string =>
    fields
      .filter(([name]) => name === wanted)
      .map(([, value]) => value)
      .join('\n');
  return { id: valueOf('id'), data: valueOf('data') };
}

async function within<T>(milliseconds: number, act: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new TypeError('nothing was heard')), milliseconds);
  });
  try {
    return await Promise.race([act, late]);
  } finally {
    clearTimeout(timer);
  }
}
