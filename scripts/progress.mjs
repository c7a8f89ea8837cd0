// What a long start shows: a line that counts the seconds on a terminal, a line every few seconds elsewhere.

const quietMs = 1500;
const pipeEveryMs = 5000;
const terminalEveryMs = 500;

const seconds = (ms) => (ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`);

export function createProgress(stream = process.stdout) {
  const running = new Set();
  const onTerminal = stream.isTTY === true;
  /** Lines that stay below everything else on a terminal. */
  let pinned = [];
  let timer;

  const status = () =>
    [...running].map((step) => `${step.label} … ${seconds(Date.now() - step.since)}`).join(' · ');
  const clear = () => {
    if (onTerminal && (running.size > 0 || pinned.length > 0)) {
      stream.write(`\r${pinned.length > 0 ? `\u001b[${pinned.length}A` : ''}\u001b[J`);
    }
  };
  const draw = () => {
    if (onTerminal) {
      const width = Math.max(20, (stream.columns || 80) - 1);
      // Cut to the window: a line that wraps could not be taken back.
      stream.write(pinned.map((text) => `${text.slice(0, width)}\n`).join(''));
      stream.write(running.size > 0 ? status().slice(0, width) : '');
    }
  };
  const line = (text) => {
    clear();
    stream.write(`${text}\n`);
    draw();
  };
  const pin = (text) => {
    clear();
    pinned = text.split('\n');
    if (!onTerminal) {
      stream.write(`${text}\n`);
    }
    draw();
  };
  const unpin = () => {
    clear();
    pinned = [];
    draw();
  };
  const tick = () => {
    if (onTerminal) {
      clear();
      draw();
    } else {
      stream.write(`${status()}\n`);
    }
  };

  const step = (label) => {
    const current = { label, since: Date.now() };
    clear();
    running.add(current);
    draw();
    timer ??= setInterval(tick, onTerminal ? terminalEveryMs : pipeEveryMs).unref();
    const end = (text) => {
      if (!running.has(current)) {
        return;
      }
      clear();
      running.delete(current);
      if (running.size === 0) {
        clearInterval(timer);
        timer = undefined;
      }
      if (text !== undefined) {
        stream.write(`${text}\n`);
      }
      draw();
    };
    return {
      done: (outcome) => {
        const took = Date.now() - current.since;
        end(outcome === undefined && took < quietMs ? undefined : `${outcome ?? label} (${seconds(took)})`);
      },
      failed: () => end(`${label}: failed (${seconds(Date.now() - current.since)})`),
    };
  };

  return { line, step, pin, unpin };
}
