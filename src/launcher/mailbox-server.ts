import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { listPage, mailDocument, mailPage, mailPolicy, noticePage, pagePolicy } from './mailbox.page.js';
import type { MailpitClient } from './mailpit.client.js';

const headers = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
};
const mailPath = /^\/mails\/([A-Za-z0-9]{1,64})(\/content)?$/;
/** Paths and methods that are forwarded to Mailpit. */
const passed = [
  { path: /^\/api\/v1\//, methods: ['GET', 'PUT', 'DELETE'] },
  { path: /^\/view\//, methods: ['GET'] },
];

/**
 * Starts a server that shows Mailpit's mails in a browser, without scripts: a Mailpit built from its Go module has no pages.
 * Requests to Mailpit's API are forwarded. Requests with another host name are refused, against DNS rebinding.
 */
export async function startMailbox(
  { host, port }: { readonly host: string; readonly port: number },
  mailpit: MailpitClient,
): Promise<{ stop(): Promise<void> }> {
  const hosts = new Set([`127.0.0.1:${port}`, `localhost:${port}`]);
  const server = createServer((request, response) => {
    if (!hosts.has(request.headers.host?.toLowerCase() ?? '')) {
      sendText(response, 403, 'The mailbox is at 127.0.0.1 and localhost only.');
      return;
    }
    answer(request, response, mailpit).catch(() => fail(response));
  });
  server.listen({ host, port, exclusive: true });
  await once(server, 'listening');
  return {
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  mailpit: MailpitClient,
): Promise<void> {
  const address = `http://localhost${request.url?.startsWith('/') === true ? request.url : '/-'}`;
  const { pathname, search } = new URL(address);
  const pass = passed.find(({ path }) => path.test(pathname));
  const methods = pass?.methods ?? ['GET'];
  if (!methods.includes(request.method ?? '')) {
    response.setHeader('allow', methods.join(', '));
    sendText(response, 405, `Only ${methods.join(', ')} here.`);
    return;
  }
  if (pass !== undefined) {
    for (const [name, value] of Object.entries(headers)) {
      response.setHeader(name, value);
    }
    await mailpit.pass(request, pathname + search, response);
    return;
  }
  if (pathname === '/') {
    sendHtml(response, 200, listPage(await mailpit.list()));
    return;
  }
  const [, id, content] = mailPath.exec(pathname) ?? [];
  const mail = id === undefined ? undefined : await mailpit.find(id);
  if (mail === undefined) {
    sendHtml(response, 404, noticePage('Not found', 'This mail is not in the mailbox, or not any more.'));
  } else if (content === undefined) {
    sendHtml(response, 200, mailPage(mail));
  } else {
    sendHtml(response, 200, mailDocument(mail), mailPolicy);
  }
}

function fail(response: ServerResponse): void {
  if (response.headersSent) {
    response.destroy();
  } else {
    const text = 'Mailpit, which keeps the mails, does not answer. It may be starting: try again.';
    sendHtml(response, 502, noticePage('No answer', text));
  }
}

function sendHtml(response: ServerResponse, status: number, body: string, policy = pagePolicy): void {
  send(response, status, 'text/html', body, policy);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  send(response, status, 'text/plain', `${text}\n`, "default-src 'none'; frame-ancestors 'none'");
}

function send(response: ServerResponse, status: number, type: string, body: string, policy: string): void {
  const content = { 'content-type': `${type}; charset=utf-8`, 'content-security-policy': policy };
  response.writeHead(status, { ...headers, ...content }).end(body);
}
