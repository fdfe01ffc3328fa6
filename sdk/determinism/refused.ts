/** Workflow code used a function that cannot be replayed. */
export class SandboxError extends Error {
  constructor(what: string, workflow: string, advice: string) {
    super(`${what} was used inside workflow "${workflow}", where it cannot be replayed: ${advice}`);
    this.name = "SandboxError";
  }
}
