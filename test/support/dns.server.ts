import { type RemoteInfo, type Socket, createSocket } from 'node:dgram';

const headerLength = 12;
const txt = 16;
/** Response codes (RFC 1035 section 4.1.1). */
const codes = { found: 0, failed: 2, absent: 3 } as const;

/** A DNS server on loopback that knows TXT records and nothing else. */
export class DnsServer {
  /** TXT records by name; a name that isn't here doesn't exist. */
  readonly records = new Map<string, readonly string[]>();
  /** Whether it answers that it can't answer. */
  isBroken = false;
  /** Names that it was asked for. */
  readonly asked: string[] = [];
  readonly #socket: Socket = createSocket('udp4');

  /** @returns the server, once it listens on a free port. */
  static async start(): Promise<DnsServer> {
    const server = new DnsServer();
    await new Promise<void>((resolve) => {
      server.#socket.bind(0, '127.0.0.1', resolve);
    });
    server.#socket.on('message', (query, from) => server.#answer(query, from));
    return server;
  }

  /** As `DNS_SERVERS` has it. */
  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#socket.close(() => resolve());
    });
  }

  #answer(query: Buffer, { port, address }: RemoteInfo): void {
    const { name, end } = nameIn(query);
    this.asked.push(name);
    const values = this.records.get(name);
    const code = this.isBroken ? codes.failed : values === undefined ? codes.absent : codes.found;
    const answers = code === codes.found ? (values ?? []).map(recordOf) : [];
    const header = Buffer.alloc(headerLength);
    query.copy(header, 0, 0, 2);
    // A response to a query, recursion desired and available.
    header.writeUInt16BE(0x81_80 | code, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(answers.length, 6);
    const question = query.subarray(headerLength, end + 4);
    this.#socket.send(Buffer.concat([header, question, ...answers]), port, address);
  }
}

/** The name in the question section, and where it ends. */
function nameIn(query: Buffer): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let offset = headerLength;
  for (let length = query.readUInt8(offset); length > 0; length = query.readUInt8(offset)) {
    labels.push(query.toString('latin1', offset + 1, offset + 1 + length));
    offset += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: offset + 1 };
}

/** A resource record: the name as a pointer to the question, TXT, IN, no time to live. */
function recordOf(value: string): Buffer {
  const parts = value.match(/[^]{1,255}/g) ?? [''];
  const data = Buffer.concat(parts.map((part) => Buffer.from([part.length, ...Buffer.from(part, 'latin1')])));
  const record = Buffer.alloc(12);
  record.writeUInt16BE(0xc0_0c, 0);
  record.writeUInt16BE(txt, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt16BE(data.length, 10);
  return Buffer.concat([record, data]);
}
