/** The worker that the tests run as the documents' own is that of the product's page, with what starts it. */
import { expect, test } from "vitest";
import { ofThePage, ofTheWorker } from "./documents.ts";

test("report.py has each line of the product's page, in its order, and what imports and starts it around them", () => {
  const page = ofThePage();
  expect(page.length).toBeGreaterThan(10);
  expect(ofTheWorker()).toEqual([
    "import asyncio",
    ...page,
    'if __name__ == "__main__":',
    "asyncio.run(workflows.run_worker([ReportWorkflow]))",
  ]);
});
