"""Code that does to its process what it should leave to the program."""

import asyncio
import multiprocessing
import os
import sys
import time

import mistralai.workflows as workflows
from mistralai.workflows import workflow


def work(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@workflows.activity(retry_policy_max_attempts=1)
async def careless(how: str, path: str) -> str:
    if how == "exit":
        sys.exit(3)
    if how == "interrupt":
        raise KeyboardInterrupt
    if how == "print bytes":
        sys.stdout.buffer.write(b"\x00\xff\xfe\n")
        sys.stdout.flush()
        return "printed"
    if how == "fork":
        child = os.fork()
        if child == 0:
            sys.exit(7)
        return str(os.waitstatus_to_exitcode((await asyncio.to_thread(os.waitpid, child, 0))[1]))
    if how == "pool":
        with multiprocessing.get_context("fork").Pool(2) as pool:
            return str(sum(await asyncio.to_thread(pool.map, work, [0, 0.5])))
    if how == "terminate":
        process = multiprocessing.get_context("fork").Process(target=work, args=(60,))
        process.start()
        process.terminate()
        await asyncio.to_thread(process.join, 5)
        return str(process.exitcode)
    if how == "leave a process behind" and not os.path.exists(path):
        process = multiprocessing.get_context("fork").Process(target=work, args=(40,))
        process.start()
        with open(path, "w") as file:
            file.write(str(process.pid))
        await asyncio.sleep(60)
    return "nothing"


@workflow.define(name="careless")
class Careless:
    @workflow.entrypoint
    async def run(self, how: str, path: str = "") -> str:
        if how == "exit workflow":
            sys.exit(5)
        return await careless(how, path)


if __name__ == "__main__":
    asyncio.run(workflows.run_worker([Careless]))
