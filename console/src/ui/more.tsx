/** From a part of a page to the list of executions that it shows the first of. */
import { Link } from "@tanstack/react-router";
import type { ListSearch } from "../app/search.ts";

export const More = ({ search }: { search: ListSearch }) => (
  <Link to="/executions" search={search} className="text-xs text-accent hover:underline">
    All
  </Link>
);
