/** Ends a hold: workers get what it kept, at once or at a rate. */
import { useState } from "react";
import { CallFailed } from "../../api/failure.ts";
import { useAction } from "../../api/use.ts";
import { useSay } from "../../app/toasts.tsx";
import { Button } from "../../ui/button.tsx";
import { Choice } from "../../ui/choice.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { TextField } from "../../ui/field.tsx";
import { Problem } from "../../ui/loading.tsx";
import { visible } from "../../ui/text.tsx";
import { Concerned } from "./hold.tsx";
import { bodyOf, rateText, type Scope, scopeText } from "./holds.ts";

interface Props {
  readonly scope: Scope;
  /** It is being released already: the rate can be another one. */
  readonly releasing?: boolean;
}

export function ReleaseButton({ scope, releasing = false }: Props) {
  const [asked, setAsked] = useState(false);
  return (
    <>
      <Button
        writes
        operation="releaseHold"
        aria-label={`${releasing ? "Change the rate of" : "Release"} ${scopeText(scope)}…`}
        onClick={() => setAsked(true)}
      >
        {releasing ? "Rate…" : "Release…"}
      </Button>
      {asked && <ReleaseDialog scope={scope} close={() => setAsked(false)} />}
    </>
  );
}

/** As the server takes it. */
const [LEAST, MOST] = [0.01, 1_000];
const NUMBER = /^\d+(\.\d+)?$/;

function perSecondOf(text: string, isMinutes: boolean): number | null {
  const rate = NUMBER.test(text) ? Number(text) / (isMinutes ? 60 : 1) : Number.NaN;
  return rate >= LEAST && rate <= MOST ? rate : null;
}

function ReleaseDialog({ scope, close }: Props & { close: () => void }) {
  const [slowly, setSlowly] = useState(false);
  const [text, setText] = useState("10");
  const [isMinutes, setMinutes] = useState(false);
  const release = useAction("releaseHold");
  const say = useSay();
  const perSecond = slowly ? perSecondOf(text, isMinutes) : null;
  const isBad = slowly && perSecond === null;
  const act = () =>
    release.mutate(
      { body: { ...bodyOf(scope), ...(perSecond !== null && { per_second: perSecond }) } },
      {
        onSuccess: () => {
          say.done(`Workers get the tasks of ${scopeText(scope)} ${rateText(perSecond)}.`);
          close();
        },
        onError: (error) => {
          // What opened the dialog is about to go: the hold is not there any more.
          if (!(error instanceof CallFailed) || error.code !== "NOT_HELD") return;
          say.failed(error);
          close();
        },
      },
    );
  return (
    <Dialog title={`Release ${visible(scopeText(scope))}`} onClose={close}>
      <form
        className="space-y-3 text-sm"
        onSubmit={(event) => {
          event.preventDefault();
          if (!isBad) act();
        }}
      >
        <p>
          Workers get what was kept, in the order in which it became due. New tasks take their turn behind it, and the
          hold is gone a minute or two after the last.
        </p>
        <Concerned scope={scope} />
        <Choice
          label="How fast"
          title="How fast"
          options={[
            { name: "At once", isChosen: !slowly, choose: () => setSlowly(false) },
            { name: "At a rate", isChosen: slowly, choose: () => setSlowly(true) },
          ]}
        />
        {slowly && (
          <>
            <TextField
              label="Tasks at most"
              inputMode="decimal"
              value={text}
              onChange={({ target }) => setText(target.value)}
              problem={
                isBad
                  ? `A number of tasks from ${isMinutes ? "0.6 to 60,000" : "0.01 to 1,000"} ${unit(isMinutes)}.`
                  : undefined
              }
              help="So that what they need is not overrun when it is back."
            />
            <Choice
              label="In which time"
              title="In which time"
              options={[
                { name: "A second", isChosen: !isMinutes, choose: () => setMinutes(false) },
                { name: "A minute", isChosen: isMinutes, choose: () => setMinutes(true) },
              ]}
            />
          </>
        )}
        {release.error && <Problem error={release.error} />}
        <div className="flex flex-wrap gap-2">
          <Button writes look="strong" type="submit" busy={release.isPending} disabled={isBad}>
            Release {isBad ? "" : rateText(perSecond)}
          </Button>
          <Button onClick={close}>Leave it</Button>
        </div>
      </form>
    </Dialog>
  );
}

const unit = (isMinutes: boolean): string => (isMinutes ? "a minute" : "a second");
