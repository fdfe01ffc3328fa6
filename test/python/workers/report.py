import asyncio

import mistralai.workflows as workflows
from mistralai.workflows.models import ScheduleDefinition, SchedulePolicy, ScheduleOverlapPolicy

schedule = ScheduleDefinition(
    input={"report_type": "daily"},
    cron_expressions=["0 9 * * *"],
    policy=SchedulePolicy(
        catchup_window_seconds=86400,
        overlap=ScheduleOverlapPolicy.SKIP,
    )
)

@workflows.workflow.define(name="report_workflow", schedules=[schedule])
class ReportWorkflow:
    @workflows.workflow.entrypoint
    async def run(self, report_type: str = "daily") -> None:
        pass

if __name__ == "__main__":
    asyncio.run(workflows.run_worker([ReportWorkflow]))
