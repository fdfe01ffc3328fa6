/**
 * The addresses of the console. They are in the fragment, so that every static host and every path prefix can reload
 * them. What changes the picture is a search parameter.
 */
import {
  createHashHistory,
  createRootRoute,
  createRoute,
  createRouter,
  Link,
  lazyRouteComponent,
} from "@tanstack/react-router";
import { Executions } from "../screens/executions/index.tsx";
import { Overview } from "../screens/overview.tsx";
import { Frame } from "./frame.tsx";
import {
  readCalendarSearch,
  readCompareSearch,
  readErrorsSearch,
  readExecutionSearch,
  readInboxSearch,
  readListSearch,
  readStartSearch,
  readWorkflowsSearch,
} from "./search.ts";
import { watchVersion } from "./version.ts";

const root = createRootRoute({ component: Frame, notFoundComponent: NotFound });

function NotFound() {
  return (
    <div className="p-8 text-center">
      <h1 className="text-lg font-semibold">There is no such page</h1>
      <Link to="/" className="text-accent underline">
        To the overview
      </Link>
    </div>
  );
}

const at = <const P extends string>(path: P) => ({ getParentRoute: () => root, path });

const routes = [
  createRoute({ ...at("/"), component: Overview }),
  createRoute({ ...at("/executions"), component: Executions, validateSearch: readListSearch }),
  createRoute({
    ...at("/executions/$id"),
    component: lazyRouteComponent(() => import("../screens/execution/index.tsx"), "ExecutionPage"),
    validateSearch: readExecutionSearch,
  }),
  createRoute({
    ...at("/compare"),
    component: lazyRouteComponent(() => import("../screens/compare.tsx"), "Compare"),
    validateSearch: readCompareSearch,
  }),
  createRoute({
    ...at("/start"),
    component: lazyRouteComponent(() => import("../screens/start/index.tsx"), "Start"),
    validateSearch: readStartSearch,
  }),
  createRoute({
    ...at("/schedules"),
    component: lazyRouteComponent(() => import("../screens/schedules/index.tsx"), "Schedules"),
    validateSearch: readCalendarSearch,
  }),
  createRoute({
    ...at("/schedules/$id"),
    component: lazyRouteComponent(() => import("../screens/schedules/schedule.tsx"), "SchedulePage"),
    validateSearch: readCalendarSearch,
  }),
  createRoute({
    ...at("/workflows"),
    component: lazyRouteComponent(() => import("../screens/workflows.tsx"), "Workflows"),
    validateSearch: readWorkflowsSearch,
  }),
  createRoute({
    ...at("/deployments"),
    component: lazyRouteComponent(() => import("../screens/deployments.tsx"), "Deployments"),
  }),
  createRoute({
    ...at("/deployments/$name"),
    component: lazyRouteComponent(() => import("../screens/deployments.tsx"), "DeploymentPage"),
  }),
  createRoute({
    ...at("/inbox"),
    component: lazyRouteComponent(() => import("../screens/inbox.tsx"), "Inbox"),
    validateSearch: readInboxSearch,
  }),
  createRoute({ ...at("/holds"), component: lazyRouteComponent(() => import("../screens/holds/index.tsx"), "Holds") }),
  createRoute({
    ...at("/errors"),
    component: lazyRouteComponent(() => import("../screens/errors.tsx"), "Errors"),
    validateSearch: readErrorsSearch,
  }),
  createRoute({ ...at("/jobs"), component: lazyRouteComponent(() => import("../screens/jobs.tsx"), "Jobs") }),
  createRoute({ ...at("/jobs/$id"), component: lazyRouteComponent(() => import("../screens/jobs.tsx"), "JobPage") }),
  createRoute({
    ...at("/file"),
    component: lazyRouteComponent(() => import("../screens/file.tsx"), "FilePage"),
    validateSearch: readExecutionSearch,
  }),
  createRoute({
    ...at("/settings"),
    component: lazyRouteComponent(() => import("../screens/settings.tsx"), "Settings"),
  }),
] as const;

export const router = createRouter({
  routeTree: root.addChildren([...routes]),
  history: createHashHistory(),
  defaultPreload: false,
});

watchVersion(router.history);

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
