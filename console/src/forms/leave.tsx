/** Asks before a page is left on which a person has typed something that is not sent. */
import { useBlocker } from "@tanstack/react-router";
import { type ReactNode, useRef } from "react";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";

interface Leave {
  /** To be shown on the page. */
  readonly question: ReactNode;
  /** What was typed has been sent: the page may be left. */
  readonly release: () => void;
}

export function useLeaveQuestion(dirty: boolean): Leave {
  const released = useRef(false);
  const isKept = () => dirty && !released.current;
  const { status, proceed, reset } = useBlocker({
    shouldBlockFn: isKept,
    enableBeforeUnload: isKept,
    withResolver: true,
  });
  return {
    release: () => {
      released.current = true;
    },
    question: status === "blocked" && (
      <Dialog title="Leave the page?" onClose={reset}>
        <p className="text-sm">What you have typed here has not been sent, and would be lost.</p>
        <div className="mt-4 flex gap-2">
          <Button look="danger" onClick={proceed}>
            Leave and lose it
          </Button>
          <Button onClick={reset}>Stay</Button>
        </div>
      </Dialog>
    ),
  };
}
