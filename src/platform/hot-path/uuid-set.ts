const wordsPerEntry = 4;
const smallestCapacity = 1024;

/**
 * A set of UUIDs in flat memory: 16 bytes per slot, with at most two thirds of the slots used. It uses open addressing with
 * linear probing; entries are never removed one by one. The nil UUID marks an empty slot.
 *
 * It exists only for speed and memory. Measured: a million ids take 33.5 MB, and a verdict among them 0.5 µs (docs/internals/scaling.md,
 * Node 20.20). A `Map` of a million strings took 85 to 120 MB (docs/adr/0007, without a Node version). Strings also cost the
 * garbage collector time.
 */
export class UuidSet {
  #words = new Uint32Array(smallestCapacity * wordsPerEntry);
  #mask = smallestCapacity - 1;
  #size = 0;
  readonly #probe = new Uint32Array(wordsPerEntry);

  get size(): number {
    return this.#size;
  }

  /** Whether the id is in the set; false for a text that isn't a UUID. */
  has(uuid: string): boolean {
    return this.#size > 0 && parseInto(this.#probe, uuid) && this.#isTaken(this.#slotOf(this.#probe));
  }

  /** Adds an id. @throws {RangeError} for a text that isn't a UUID, and for the nil UUID. */
  add(uuid: string): void {
    if (!parseInto(this.#probe, uuid) || this.#probe.every((word) => word === 0)) {
      throw new RangeError('not a UUID');
    }
    if ((this.#size + 1) * 3 > (this.#mask + 1) * 2) {
      this.#grow();
    }
    const slot = this.#slotOf(this.#probe);
    if (!this.#isTaken(slot)) {
      this.#words.set(this.#probe, slot);
      this.#size += 1;
    }
  }

  /** The ids, 16 bytes each, in no order. */
  bytes(): Uint8Array {
    const bytes = new DataView(new ArrayBuffer(this.#size * 16));
    let offset = 0;
    for (let slot = 0; slot < this.#words.length; slot += wordsPerEntry) {
      if (this.#isTaken(slot)) {
        for (let word = slot; word < slot + wordsPerEntry; word += 1) {
          bytes.setUint32(offset, this.#words[word] ?? 0);
          offset += 4;
        }
      }
    }
    return new Uint8Array(bytes.buffer);
  }

  /** Offset of the entry, or of the empty slot where it would be. */
  #slotOf(entry: Uint32Array): number {
    const words = this.#words;
    // The last words of a UUID v4 or v7 are random; the first ones of a v7 are a time.
    let index = ((entry[3] ?? 0) ^ Math.imul(entry[2] ?? 0, 0x9e3779b1)) & this.#mask;
    for (;;) {
      const slot = index * wordsPerEntry;
      const isSame =
        words[slot] === entry[0] &&
        words[slot + 1] === entry[1] &&
        words[slot + 2] === entry[2] &&
        words[slot + 3] === entry[3];
      if (isSame || !this.#isTaken(slot)) {
        return slot;
      }
      index = (index + 1) & this.#mask;
    }
  }

  #isTaken(slot: number): boolean {
    const words = this.#words;
    return words[slot] !== 0 || words[slot + 1] !== 0 || words[slot + 2] !== 0 || words[slot + 3] !== 0;
  }

  #grow(): void {
    const old = this.#words;
    const capacity = (this.#mask + 1) * 2;
    this.#words = new Uint32Array(capacity * wordsPerEntry);
    this.#mask = capacity - 1;
    for (let slot = 0; slot < old.length; slot += wordsPerEntry) {
      const entry = old.subarray(slot, slot + wordsPerEntry);
      if (entry.some((word) => word !== 0)) {
        this.#words.set(entry, this.#slotOf(entry));
      }
    }
  }
}

/** Parses the text form (RFC 9562 section 4) into four words. @returns whether it is a UUID. */
function parseInto(words: Uint32Array, uuid: string): boolean {
  if (uuid.length !== 36) {
    return false;
  }
  let digits = 0;
  let word = 0;
  for (let index = 0; index < 36; index += 1) {
    const code = uuid.charCodeAt(index);
    if (index === 8 || index === 13 || index === 18 || index === 23) {
      if (code !== 45) {
        return false;
      }
      continue;
    }
    const value = hexValue(code);
    if (value < 0) {
      return false;
    }
    word = (word << 4) | value;
    digits += 1;
    if (digits % 8 === 0) {
      words[digits / 8 - 1] = word;
      word = 0;
    }
  }
  return true;
}

function hexValue(code: number): number {
  if (code >= 48 && code <= 57) {
    return code - 48;
  }
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
