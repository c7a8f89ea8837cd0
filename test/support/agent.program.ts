import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect } from 'vitest';
import { waitUntil } from './stack.js';

/** An agent's program, and what it has written. */
export interface Agent {
  /** What follows a word at the beginning of a line, once it is there. */
  said(word: string): Promise<string>;
  /** Calls a tool. @returns the line of its answer. */
  call(line: string): Promise<string>;
  /** Ends it: its address on this device is free for another. */
  stop(): Promise<void>;
}

interface AgentOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Milliseconds for each answer. */
  readonly limit: number;
}

/** Starts an agent's program. It fails, with what the program wrote, once that writes an error. */
export function startAgent(command: readonly string[], { cwd, env, limit }: AgentOptions): Agent {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { cwd, env });
  const lines: string[] = [];
  let errors = '';
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  child.stderr.on('data', (chunk: Buffer) => (errors += String(chunk)));
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    }
  };
  const find = async (from: number, word: string): Promise<string> => {
    await waitUntil(
      () => {
        expect([child.exitCode, errors]).toEqual([null, '']);
        return lines.slice(from).some((line) => line.startsWith(word));
      },
      `the agent to write ${word}`,
      limit,
    );
    return lines.slice(from).find((line) => line.startsWith(word)) ?? '';
  };
  return {
    said: async (word) => (await find(0, `${word} `)).slice(word.length + 1),
    call: async (line) => {
      const from = lines.length;
      child.stdin.write(`${line}\n`);
      return find(from, '');
    },
    stop,
  };
}
