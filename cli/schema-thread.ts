/** An entry of the package, which the manifest names: the thread's module lies beside the chunk that begins it. */
import "../shared/routing/schema-thread.ts";
