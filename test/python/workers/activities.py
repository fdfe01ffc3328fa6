"""A worker of activities alone: its workflows are written in TypeScript."""

import asyncio

import mistralai.workflows as workflows


@workflows.activity()
async def shout(text: str) -> str:
    return f"{text.upper()}!"


if __name__ == "__main__":
    asyncio.run(workflows.run_worker([]))
