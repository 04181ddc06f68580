/** `compat` -> the named switch in which opening a door differs from knockd 0.8. */

export interface OpeningSwitches {
  /** Of a door with a stop command. `moves-the-stop`: it stays open longer. `runs-again`: start and later stop, each time. */
  readonly secondKnock: 'moves-the-stop' | 'runs-again';
}

export function openingSwitchesFor(compat: 'none' | 'knockd'): OpeningSwitches {
  return { secondKnock: compat === 'knockd' ? 'runs-again' : 'moves-the-stop' };
}
