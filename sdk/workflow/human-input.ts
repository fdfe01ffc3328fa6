export interface PendingInput {
  describe(): string;
}
export const humanInputHandlers = { declared: [] as never[], register(_: unknown) {} };
