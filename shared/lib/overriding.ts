/** The object with some of its methods replaced, whatever others it has: they still reach its private fields. */
export function overriding<T extends object>(target: T, own: Partial<T>): T {
  return new Proxy(target, {
    get(of, name) {
      if (name in own) return own[name as keyof T];
      const found: unknown = Reflect.get(of, name);
      return typeof found === "function" ? found.bind(of) : found;
    },
  });
}
