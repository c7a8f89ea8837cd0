// Where a process is while it works: stacks that the kernel takes (perf of Debian's linux-perf), with the names of Node's functions.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
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
  const map = `/tmp/perf-${pid}.map`;
  writeFileSync(map, latestNames(readFileSync(map, 'utf8')));
  const stacks = [];
  for await (const stack of readStacks(path)) {
    stacks.push(stack);
  }
  rmSync(path);
  rmSync(map);
  if (stacks.length === 0) {
    throw new Error('perf has seen nothing');
  }
  return { window, stacks, micros: 1e6 / frequency };
}

/**
 * Node writes a line for all code that it ever makes, also where other code was before; perf doesn't know which of two came later, and
 * names what has long been gone. @returns the last ones alone.
 */
function latestNames(map) {
  const kept = [];
  const taken = new Taken();
  for (const line of map.split('\n').toReversed()) {
    const [start = '', size = ''] = line.split(' ', 2);
    const [from, length] = [Number.parseInt(start, 16), Number.parseInt(size, 16)];
    if (length > 0 && taken.take(from, from + length)) {
      kept.push(line);
    }
  }
  return `${kept.toReversed().join('\n')}\n`;
}

/** Ranges of addresses, none of which overlap. */
class Taken {
  #starts = [];
  #ends = [];

  /** @returns whether the range was free, and is taken from now on. */
  take(from, to) {
    let [low, high] = [0, this.#starts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle] < from) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    const isFree = (low === 0 || this.#ends[low - 1] <= from) && (this.#starts[low] ?? Infinity) >= to;
    if (isFree) {
      this.#starts.splice(low, 0, from);
      this.#ends.splice(low, 0, to);
    }
    return isFree;
  }
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
