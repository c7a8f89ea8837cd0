import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { SmtpMailer } from '../../src/platform/mail/smtp-mailer.js';
import { recordFault } from '../support/fault.record.js';
import { timed } from '../support/timed.js';

const mail = { to: 'ada@example.org', subject: 'Hello', text: 'Hello', html: '<p>Hello</p>' };

it.each<readonly [string, ((socket: Socket) => void) | undefined]>([
  ['is stopped', undefined],
  ['is frozen', () => undefined],
  ['answers garbage', (socket) => socket.write(`${'\u0000\u001b[31m<html>'.repeat(200)}\r\n`)],
  ['hangs up', (socket) => socket.destroy()],
])('a mail server that %s: no mail, no error, and an answer within the limit of 5 s', async (what, meet) => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    meet?.(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address: AddressInfo | string | null = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  if (meet === undefined) {
    server.close();
  }
  try {
    const mailer = new SmtpMailer(`smtp://127.0.0.1:${port}/?disable_starttls=true`, 'no-reply@example.org');
    const { value, ms } = await timed(async () => mailer.send(mail));
    expect(value).toBe(false);
    expect(ms).toBeLessThan(6500);
    recordFault('mail', { what, ms });
  } finally {
    sockets.forEach((socket) => socket.destroy());
    server.close();
  }
});
