// Where a process is while it works: stacks that the kernel takes (perf of Debian's linux-perf), with the names of Node's functions.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** Options of Node without which its functions have no names here. */
export const namedFunctions = '--perf-basic-prof --interpreted-frames-native-stack';
/** Samples of a second of the processor's time. */
const frequency = 4000;

/**
 * @param pid of a Node that was started with {@link namedFunctions}.
 * @param path a file to work with.
 * @returns what `act` returns, the stacks of meanwhile (frames from the innermost on), and the microseconds that each stands for.
 */
export async function stacksOf(pid, path, act) {
  const options = ['-e', 'cpu-clock', '-F', String(frequency), '-g', '-p', String(pid), '-o', path];
  const recording = spawn('perf', ['record', ...options], { stdio: 'ignore' });
  const isOver = once(recording, 'close');
  const window = await act();
  recording.kill('SIGINT');
  await isOver;
  const stacks = [];
  for await (const stack of readStacks(path)) {
    stacks.push(stack);
  }
  rmSync(path);
  rmSync(`/tmp/perf-${pid}.map`);
  if (stacks.length === 0) {
    throw new Error('perf has seen nothing');
  }
  return { window, stacks, micros: 1e6 / frequency };
}

async function* readStacks(path) {
  const printing = spawn('perf', ['script', '-i', path, '-F', 'pid,tid,ip,sym,dso'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let stack;
  for await (const line of createInterface({ input: printing.stdout })) {
    const [, pid, tid] = /^ *(\d+)\/(\d+)/.exec(line) ?? [];
    if (tid !== undefined) {
      stack = { isMain: pid === tid, frames: [] };
    } else if (line === '' && stack !== undefined && stack.frames.length > 0) {
      yield stack;
      stack = undefined;
    } else {
      const frame = frameOf(line);
      if (frame !== undefined) {
        stack?.frames.push(frame);
      }
    }
  }
}

/** `ADDRESS SYMBOL (FILE)`, a function of JavaScript being `JS:*NAME URL:LINE:COLUMN` and a regular expression `RegExp:PATTERN`. */
function frameOf(line) {
  const [, symbol, file] = /^\s*[\da-f]+ (.*) \(([^()]*)\)$/.exec(line) ?? [];
  if (symbol === undefined) {
    return undefined;
  }
  const [, name, url, at] =
    /^(?:JS|Script):[*^~+]?(.*?) ?((?:file|node):\S+|\/\S+):(\d+):\d+$/.exec(symbol) ?? [];
  if (url !== undefined) {
    return { kind: 'script', name: name || '(anonymous)', url, line: Number(at) };
  }
  return { kind: file.includes('kernel') ? 'kernel' : 'native', name: symbol, url: '', line: 0 };
}
