import { Injectable } from '@nestjs/common';
import type { Gate } from './gate-list.js';

/**
 * Gates in front of Hydra that features of ours add. They add them when they are made: the proxy is set up before the application's modules
 * start. The public interface doesn't have it, because a gate sees every password and token.
 */
@Injectable()
export class AddedGates {
  readonly #gates: Gate[] = [];

  get all(): readonly Gate[] {
    return this.#gates;
  }

  add(gate: Gate): void {
    this.#gates.push(gate);
  }
}
