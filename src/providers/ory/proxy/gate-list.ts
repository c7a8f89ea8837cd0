import type { Exchange } from './exchange.js';

/** One rule in front of Kratos or Hydra. */
export interface Gate {
  readonly name: string;
  /**
   * Judges a request before it is passed on.
   * @returns true if it has answered the request, which then goes no further. @throws {Problem} to refuse it.
   */
  readonly admit?: (exchange: Exchange) => Promise<unknown> | boolean | void;
  /**
   * Does what the answer calls for, before it is sent. It also sees answers of gates and errors.
   * @param payload what is about to be sent.
   * @returns what to send instead; undefined if it stays. @throws {Problem} to send that instead.
   */
  readonly settle?: (exchange: Exchange, payload: unknown) => Promise<unknown> | undefined | void;
}

/** Lets a request through gates, in their order. @returns false if one of them has answered it. @throws {Problem} of the one that refuses it. */
export async function admitThrough(gates: readonly Gate[], exchange: Exchange): Promise<boolean> {
  for (const { admit } of gates) {
    if ((await admit?.(exchange)) === true) {
      return false;
    }
  }
  return true;
}

/** Lets an answer back through gates, in the same order. @returns what to send. @throws {Problem} */
export async function settleThrough(
  gates: readonly Gate[],
  exchange: Exchange,
  payload: unknown,
): Promise<unknown> {
  let sent = payload;
  for (const { settle } of gates) {
    sent = (await settle?.(exchange, sent)) ?? sent;
  }
  return sent;
}
