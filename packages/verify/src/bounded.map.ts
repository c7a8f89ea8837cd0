/** A map with text keys that forgets what was set longest ago when it has more than so many members. */
export class BoundedMap<Value> extends Map<string, Value> {
  readonly #most: number;

  /** @param most members that are kept. */
  constructor(most: number) {
    super();
    this.#most = most;
  }

  override set(key: string, value: Value): this {
    // A map keeps the order in which its members came.
    this.delete(key);
    super.set(key, value);
    if (this.size > this.#most) {
      for (const oldest of this.keys()) {
        this.delete(oldest);
        break;
      }
    }
    return this;
  }
}
