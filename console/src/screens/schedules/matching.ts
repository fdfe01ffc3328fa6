/** The ids of all schedules that a name and a state find, over all pages, as they are when the person asks. */
import { useQuery } from "@tanstack/react-query";
import { call } from "../../api/call.ts";

const PAGE = 200;
/** The key of this read. */
export const MATCHING = "matching schedules";

export function useMatching(text: string, status: "active" | "paused") {
  return useQuery<string[]>({
    // Read once for each dialog: what it acts on must not change under the person.
    queryKey: [MATCHING, text, status],
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    queryFn: async ({ signal }) => {
      const ids: string[] = [];
      let next: string | undefined;
      do {
        const query = { search: text || undefined, status, page_size: PAGE, next_page_token: next };
        const page = await call("getSchedules", { query, signal });
        ids.push(...page.schedules.map(({ schedule_id }) => schedule_id));
        next = page.next_page_token ?? undefined;
      } while (next !== undefined);
      return ids;
    },
  });
}
