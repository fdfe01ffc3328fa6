/** Replaces functions of the platform so that callers see no difference in name, length or properties. */

// biome-ignore lint/suspicious/noExplicitAny: stands for whatever function is replaced
export type AnyFunction = (this: any, ...args: any[]) => any;

/**
 * Replaces the function `target[name]` by `make(function)`, with the same name, length, properties and attributes. Does
 * nothing if there is no such function, as in other versions of Node.
 */
export function replace(
  target: object | undefined,
  name: string | symbol,
  make: (real: AnyFunction) => AnyFunction,
): void {
  const descriptor = target && Object.getOwnPropertyDescriptor(target, name);
  if (!descriptor || typeof descriptor.value !== "function" || !descriptor.configurable) return;
  const real = descriptor.value as AnyFunction;
  const made = make(real);
  for (const key of Reflect.ownKeys(real)) {
    const own = Object.getOwnPropertyDescriptor(real, key)!;
    if (Object.getOwnPropertyDescriptor(made, key)?.configurable !== false) Object.defineProperty(made, key, own);
  }
  if (real.prototype) made.prototype = real.prototype; // of a class: `instanceof` and `extends` work as before
  Object.defineProperty(target, name, { ...descriptor, value: made });
}

/** Replaces the getter of `target[name]`. */
export function replaceGetter(
  target: object | undefined,
  name: string,
  make: (real: () => unknown) => () => unknown,
): void {
  const descriptor = target && Object.getOwnPropertyDescriptor(target, name);
  if (!descriptor?.get || !descriptor.configurable) return;
  Object.defineProperty(target, name, { ...descriptor, get: make(descriptor.get) });
}

/** Names of the functions of a module, without classes. */
export const functionsOf = (module: object): string[] =>
  Object.keys(module).filter(
    (name) => /^[a-z]/.test(name) && typeof (module as Record<string, unknown>)[name] === "function",
  );
