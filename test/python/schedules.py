"""Schedules through the official Python client, in the form of its documentation. Prints JSON."""

import json
import sys
from datetime import datetime, timezone

from mistralai.client import models

from official import client, plain, refused

schedules = client.workflows.schedules


def every_operation(schedule_id):
    """Calls every operation once."""
    out = {}
    response = schedules.schedule_workflow(
        workflow_identifier="orders",
        deployment_name="shop",
        schedule_id=schedule_id,
        schedule=models.ScheduleDefinition(
            input={"report_type": "daily"},
            calendars=[
                models.ScheduleCalendar(
                    hour=[models.ScheduleRange(start=9)],
                    minute=[models.ScheduleRange(start=30)],
                    day_of_week=[models.ScheduleRange(start=1, end=5)],
                )
            ],
            intervals=[models.ScheduleInterval(every="PT4H", offset="PT30M")],
            cron_expressions=["0 9 * * 1-5"],
            skip=[
                models.ScheduleCalendar(
                    month=[models.ScheduleRange(start=12)], day_of_month=[models.ScheduleRange(start=25)]
                )
            ],
            start_at=datetime(2027, 1, 16, 9, 30, tzinfo=timezone.utc),
            end_at=datetime(2027, 12, 31, 9, 30, tzinfo=timezone.utc),
            jitter="PT5M",
            time_zone_name="Europe/Paris",
            max_executions=4,
            policy=models.SchedulePolicy(
                overlap=2, catchup_window_seconds=86400, pause_on_failure=True
            ),
        ),
    )
    out["created"] = response.schedule_id
    out["got"] = plain(schedules.get_schedule(schedule_id=schedule_id))
    page, listed = schedules.get_schedules(page_size=1, workflow_name="orders", status="active", user_id="current"), []
    while page is not None:
        listed += [s.schedule_id for s in page.result.schedules]
        page = page.next()
    out["listed"] = listed
    schedules.update_schedule(
        schedule_id=schedule_id,
        schedule=models.PartialScheduleDefinition(
            calendars=[
                models.ScheduleCalendar(hour=[models.ScheduleRange(start=10)], minute=[models.ScheduleRange(start=0)])
            ],
        ),
    )
    out["updated"] = plain(schedules.get_schedule(schedule_id=schedule_id))
    schedules.pause_schedule(schedule_id=schedule_id, note="Paused for maintenance")
    paused = schedules.get_schedule(schedule_id=schedule_id)
    out["paused"] = [paused.paused, paused.note]
    schedules.resume_schedule(schedule_id=schedule_id)
    resumed = schedules.get_schedule(schedule_id=schedule_id)
    out["resumed"] = [resumed.paused, resumed.note]
    schedules.trigger_schedule(schedule_id=schedule_id)
    schedules.trigger_schedule(schedule_id=schedule_id, overlap=6)
    triggered = schedules.get_schedule(schedule_id=schedule_id)
    out["triggered"] = [r.execution_id for r in triggered.recent_executions]
    schedules.unschedule_workflow(schedule_id=schedule_id)
    out["gone"] = refused(lambda: schedules.get_schedule(schedule_id=schedule_id))
    out["invalid"] = refused(
        lambda: schedules.schedule_workflow(
            workflow_identifier="orders", schedule=models.ScheduleDefinition(input={}, cron_expressions=["x"])
        )
    )
    return out


def create(schedule_id, workflow, every):
    schedules.schedule_workflow(
        workflow_identifier=workflow,
        schedule_id=schedule_id,
        schedule=models.ScheduleDefinition(
            input={},
            intervals=[models.ScheduleInterval(every=every)],
            policy=models.SchedulePolicy(overlap=6),
        ),
    )
    return get(schedule_id)


def get(schedule_id):
    return plain(schedules.get_schedule(schedule_id=schedule_id))


def pause(schedule_id):
    schedules.pause_schedule(schedule_id=schedule_id, note="quiet")
    return get(schedule_id)


def resume(schedule_id):
    schedules.resume_schedule(schedule_id=schedule_id)
    return get(schedule_id)


def trigger(schedule_id):
    schedules.trigger_schedule(schedule_id=schedule_id)
    return get(schedule_id)


def update(schedule_id, every):
    schedules.update_schedule(
        schedule_id=schedule_id,
        schedule=models.PartialScheduleDefinition(intervals=[models.ScheduleInterval(every=every)]),
    )
    return get(schedule_id)


def pages():
    """The ids of all schedules, page by page, without a page size."""
    page, listed = schedules.get_schedules(), []
    while page is not None:
        listed.append([s.schedule_id for s in page.result.schedules])
        page = page.next()
    return {"pages": listed}


def delete(schedule_id):
    schedules.unschedule_workflow(schedule_id=schedule_id)
    return {"deleted": schedule_id}


scenarios = {each.__name__: each for each in (every_operation, create, get, update, pages, pause, resume, trigger, delete)}
print(json.dumps(scenarios[sys.argv[1]](*sys.argv[2:])))
