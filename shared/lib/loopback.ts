/** Addresses that reach this machine alone. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|::ffff:127(\.\d{1,3}){3})$/;

/** `host`: a name or an address, without brackets. */
export const isLoopback = (host: string | undefined): boolean => host !== undefined && LOOPBACK.test(host);
