/** Reads of typed arrays at indices that are in range by construction, so that no read needs a check. */

export function at(array: Int32Array | Float64Array, index: number): number {
  return array[index] as number;
}
