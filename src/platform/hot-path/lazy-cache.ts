import { LRUCache } from 'lru-cache';

/**
 * A cache of the values that were used last. It allocates the room for all of them with the first, so that an unused one costs nothing: for
 * 100,000 values that is 2.7 MB, which each start would fill.
 */
export class LazyCache<Key extends {}, Value extends {}> {
  #cache: LRUCache<Key, Value> | undefined;

  /** @param max how many values it keeps. */
  constructor(private readonly max: number) {}

  get size(): number {
    return this.#cache?.size ?? 0;
  }

  get(key: Key): Value | undefined {
    return this.#cache?.get(key);
  }

  set(key: Key, value: Value): void {
    this.#cache ??= new LRUCache<Key, Value>({ max: this.max });
    this.#cache.set(key, value);
  }

  delete(key: Key): void {
    this.#cache?.delete(key);
  }

  clear(): void {
    this.#cache?.clear();
  }

  keys(): Iterable<Key> {
    return this.#cache?.keys() ?? [];
  }

  /** Keys and values, the latest used first. */
  entries(): Iterable<readonly [Key, Value]> {
    return this.#cache?.entries() ?? [];
  }
}
