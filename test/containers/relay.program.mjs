// Runs in the engine's network: what connects to the socket file (first argument) is connected to a port of its loopback (second).
import { connect, createServer } from 'node:net';

const [path, port] = process.argv.slice(2);
createServer((near) => {
  const far = connect(Number(port), '127.0.0.1');
  for (const [socket, other] of [
    [near, far],
    [far, near],
  ]) {
    socket.on('error', () => {});
    socket.on('close', () => other.destroy());
    socket.pipe(other);
  }
}).listen(path, () => process.stdout.write('ready\n'));
// Its parent is gone.
process.stdin.resume().on('end', () => process.exit());
