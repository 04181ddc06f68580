/** Tells from what a kernel says about its modules whether it has one. */

/** Empty where there is no such file. */
export interface KernelText {
  /** /proc/modules: what is loaded. */
  readonly modules: string;
  /** modules.dep and modules.builtin: what can be loaded, or is built in. */
  readonly available: string;
  /** The configuration that it was built by. */
  readonly config: string;
}

/** A module, and the option of the kernel's configuration that makes it (net/netfilter/Kconfig). */
export interface KernelModule {
  readonly name: string;
  readonly option: string;
}

/** Null where this kernel does not say. */
export function kernelHas(
  { modules, available, config }: KernelText,
  { name, option }: KernelModule,
): boolean | null {
  const isThere =
    new RegExp(`^${name} `, 'm').test(modules) ||
    available.includes(`/${name}.ko`) ||
    new RegExp(`^${option}=[ym]$`, 'm').test(config);
  if (isThere) return true;
  return available === '' && config === '' ? null : false;
}
