/** Detects that the wall clock was set, by comparing it with the machine's uptime. */

import { type Micros, US_PER_SECOND } from '../model.ts';

/** Less is a clock that is slewed, or one that is read in whole seconds, as where /proc is hidden (ProcSubset=pid). */
const LEAST_STEP_US = 2 * US_PER_SECOND;

export class ClockStepDetector {
  #offset: Micros | null = null;

  /**
   * @param wall the clock that can be set
   * @param machine the one that cannot, which goes on while the machine sleeps
   * @returns by how much the wall clock was set since the last call; 0 when nobody has
   */
  step(wall: Micros, machine: Micros): Micros {
    const offset = wall - machine;
    const step = this.#offset === null ? 0 : offset - this.#offset;
    this.#offset = offset;
    return Math.abs(step) < LEAST_STEP_US ? 0 : step;
  }
}
