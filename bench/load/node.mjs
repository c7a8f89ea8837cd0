// The load generator for machines without wrk, in a process of its own. It is slower than wrk: a fast server waits for it. Takes the
// same variables, prints the same line of JSON (times in microseconds).
import { createReadStream } from 'node:fs';
import { Agent, request } from 'node:http';
import { createHistogram } from 'node:perf_hooks';
import { createInterface } from 'node:readline';

const [url, connections, seconds, headers] = process.argv.slice(2);
const { BENCH_BODY, BENCH_FILE, BENCH_HEADER, BENCH_PREFIX, BENCH_FROM, BENCH_COUNT } = process.env;

async function readValues() {
  const [first, last] = [Number(BENCH_FROM), Number(BENCH_FROM) + Number(BENCH_COUNT)];
  const values = [];
  let line = 0;
  for await (const value of createInterface({ input: createReadStream(BENCH_FILE) })) {
    if (line >= first) {
      values.push(BENCH_PREFIX + value);
    }
    line += 1;
    if (line >= last) {
      break;
    }
  }
  return values;
}

const values = BENCH_FILE === undefined ? undefined : await readValues();
const fixed = JSON.parse(headers);
const agent = new Agent({ keepAlive: true, maxSockets: Number(connections) });
const times = createHistogram();
const counts = { requests: 0, bytes: 0, refused: 0, broken: 0 };
let sent = 0;

function send() {
  const began = process.hrtime.bigint();
  const own = values === undefined ? fixed : { ...fixed, [BENCH_HEADER]: values[sent % values.length] };
  sent += 1;
  return new Promise((resolve) => {
    const method = BENCH_BODY === undefined ? 'GET' : 'POST';
    request(url, { agent, method, headers: own }, (response) => {
      response.on('data', (chunk) => {
        counts.bytes += chunk.length;
      });
      response.on('end', () => {
        counts.requests += 1;
        counts.refused += response.statusCode > 399 ? 1 : 0;
        times.record(process.hrtime.bigint() - began);
        resolve();
      });
    })
      .on('error', () => {
        counts.broken += 1;
        resolve();
      })
      .end(BENCH_BODY);
  });
}

const began = performance.now();
const end = began + Number(seconds) * 1000;
await Promise.all(
  Array.from({ length: Number(connections) }, async () => {
    while (performance.now() < end) {
      await send();
    }
  }),
);
agent.destroy();
const micros = (nanos) => Math.round(nanos / 1000);
process.stdout.write(
  `${JSON.stringify({
    ...counts,
    duration: Math.round((performance.now() - began) * 1000),
    p50: micros(times.percentile(50)),
    p90: micros(times.percentile(90)),
    p99: micros(times.percentile(99)),
    max: micros(times.max),
  })}\n`,
);
