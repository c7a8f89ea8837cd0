import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type IncomingMessage, createServer as createHttpServer, request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { MailpitClient } from '../../src/launcher/mailpit.client.js';

it('a slow request reaches Mailpit whole, in one write', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-mailpit-'));
  const socketPath = join(folder, 'mailpit.sock');
  // Go's server answers once its handler has what it needs, and closes. What is written later may fail before the answer is read.
  const mailpit = createServer((socket) => {
    socket.once('data', (first) => {
      const status = first.includes('{"IDs":[]}') ? '200 OK' : '400 Bad Request';
      socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    });
  }).listen(socketPath);
  const client = new MailpitClient(socketPath);
  const mailbox = createHttpServer((incoming, response) => {
    client.pass(incoming, '/api/v1/messages', response).catch((error: unknown) => {
      response.writeHead(502).end(String(error));
    });
  }).listen(0, '127.0.0.1');
  onTestFinished(async () => {
    mailbox.close();
    mailpit.close();
    await rm(folder, { recursive: true, force: true });
  });
  await Promise.all([once(mailpit, 'listening'), once(mailbox, 'listening')]);
  const { port } = mailbox.address() as AddressInfo;

  const slow = request({ host: '127.0.0.1', port, method: 'DELETE', headers: { 'content-length': 10 } });
  slow.write('{"IDs"');
  await once(mailbox, 'request');
  // Enough turns for a head that is sent before the body to arrive.
  for (let turn = 0; turn < 1000; turn += 1) {
    await new Promise(setImmediate);
  }
  slow.end(':[]}');
  const [answer] = (await once(slow, 'response')) as [IncomingMessage];
  answer.resume();
  expect(answer.statusCode).toBe(200);
});
