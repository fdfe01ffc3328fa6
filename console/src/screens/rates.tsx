/** How many executions start and end now. */
import { useRates } from "../live/index.tsx";
import { usePaused } from "../live/pause.ts";
import { WINDOW_SECONDS } from "../live/rates.ts";
import { span, useNow } from "../ui/time.tsx";

const HOUR_MS = 3_600_000;
const HEIGHT = 24;

export function RatesLine() {
  const rates = useRates();
  const now = useNow(usePaused() ? HOUR_MS : 1_000);
  if (rates.since === null) return null;
  const seconds = rates.window(now);
  const started = seconds.reduce((sum, one) => sum + one.started, 0);
  const ended = seconds.reduce((sum, one) => sum + one.ended, 0);
  const counted = Math.min(WINDOW_SECONDS * 1_000, Math.max(1_000, now - rates.since));
  const most = Math.max(1, ...seconds.map((one) => Math.max(one.started, one.ended)));
  const bars = (count: (second: (typeof seconds)[number]) => number, shift: number) =>
    seconds
      .map((one, i) => (count(one) > 0 ? `M${i * 3 + shift},${HEIGHT}v-${(count(one) / most) * HEIGHT}` : ""))
      .join("");
  return (
    <p
      data-testid="rates"
      title="Completed, failed and canceled ones count as ended. Terminations and time limits have no event in the stream."
      className="flex flex-wrap items-center gap-x-4 gap-y-1 text-sm"
    >
      <span>
        <strong className="tabular-nums">{started.toLocaleString("en")}</strong> started,{" "}
        <strong className="tabular-nums">{ended.toLocaleString("en")}</strong> ended in the last{" "}
        {counted >= WINDOW_SECONDS * 1_000 ? "minute" : span(Math.floor(counted / 1_000) * 1_000)}
      </span>
      <svg width={WINDOW_SECONDS * 3} height={HEIGHT} aria-hidden="true" className="border-b border-line">
        <path d={bars((one) => one.started, 0.5)} className="stroke-running" />
        <path d={bars((one) => one.ended, 1.5)} className="stroke-good" />
      </svg>
      <span aria-hidden className="flex gap-3 text-xs text-soft">
        <span className="flex items-center gap-1">
          <span className="inline-block h-2.5 w-1 bg-running" /> started
        </span>
        <span className="flex items-center gap-1">
          <span className="inline-block h-2.5 w-1 bg-good" /> ended
        </span>
      </span>
    </p>
  );
}
