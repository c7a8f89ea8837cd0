// The least that a proxy in Node can be: passes every request on to UPSTREAM, and its answer back.
import { Agent, createServer, request } from 'node:http';

const upstream = new URL(process.env.UPSTREAM);
const agent = new Agent({ keepAlive: true });

createServer((incoming, outgoing) => {
  const { method, url: path, headers } = incoming;
  const passed = request({ host: upstream.hostname, port: upstream.port, agent, method, path, headers });
  passed.on('response', (answer) => {
    outgoing.writeHead(answer.statusCode, answer.headers);
    answer.pipe(outgoing);
  });
  passed.on('error', () => outgoing.destroy());
  incoming.pipe(passed);
}).listen(Number(process.env.PORT), '127.0.0.1');
