/** Writes the `d` attribute of an SVG path, in whole units. */

import type { GeoContext } from 'd3-geo';

/** Points that fall on the one before are left out, and steps are relative: a third of what absolute numbers take. */
export class Outline implements GeoContext {
  #path = '';
  #x = 0;
  #y = 0;

  get path(): string {
    return this.#path;
  }

  beginPath(): void {
    this.#path = '';
  }

  moveTo(x: number, y: number): void {
    [this.#x, this.#y] = [Math.round(x), Math.round(y)];
    this.#path += `M${this.#x},${this.#y}`;
  }

  lineTo(x: number, y: number): void {
    const [right, down] = [Math.round(x) - this.#x, Math.round(y) - this.#y];
    if (right === 0 && down === 0) return;
    this.#x += right;
    this.#y += down;
    this.#path += `l${right}${down < 0 ? '' : ','}${down}`;
  }

  closePath(): void {
    this.#path += 'z';
  }

  /** Of points, which the outlines of countries have none of. */
  arc(): void {
    this.beginPath();
  }
}
