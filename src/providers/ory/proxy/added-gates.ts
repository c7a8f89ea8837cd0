import { Injectable } from '@nestjs/common';
import type { Gate } from './gate-list.js';
import type { ExposedRoute } from './ory-routes.js';

/** What an added gate does: it puts another request in the place of the one that came, or judges which clients may ask, or what they ask for. */
type GatePlace = 'replacement' | 'clients' | 'requests';

/**
 * Gates in front of Hydra that features of ours add. They add them when they are made: the proxy is set up before the application's modules
 * start. The public interface doesn't have it, because a gate sees every password and token.
 */
@Injectable()
export class AddedGates {
  readonly #gates: Readonly<Record<GatePlace, Gate[]>> = {
    replacement: [],
    clients: [],
    requests: [],
  };
  readonly #routes: ExposedRoute[] = [];

  /** Paths that browsers and programs may reach besides Hydra's own: a gate answers them, and none goes to Hydra. */
  get routes(): readonly ExposedRoute[] {
    return this.#routes;
  }

  /** In the order of their names: that in which features are loaded isn't always the same. */
  at(place: GatePlace): readonly Gate[] {
    return this.#gates[place].toSorted((one, other) => (one.name < other.name ? -1 : 1));
  }

  add(place: GatePlace, gate: Gate, routes: readonly ExposedRoute[] = []): void {
    this.#gates[place].push(gate);
    this.#routes.push(...routes);
  }
}
