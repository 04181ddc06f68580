/** Work that wants to run beside other work -> no more of it at once than there is room for, in its order. */

export class Turns {
  readonly #room: number;
  readonly #queue: (() => void)[] = [];
  #taken = 0;

  constructor(room: number) {
    this.#room = room;
  }

  /** How much waits for its turn. */
  get waiting(): number {
    return this.#queue.length;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#taken < this.#room) this.#taken++;
    else await new Promise<void>((resolve) => this.#queue.push(resolve));
    try {
      return await work();
    } finally {
      // The turn passes on, so that nobody who comes later is sooner.
      const next = this.#queue.shift();
      if (next === undefined) this.#taken--;
      else next();
    }
  }
}
