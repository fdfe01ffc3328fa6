from sirocco_worker import usage


def test_it_tells_cpu_time_that_grows_and_memory_that_is_resident() -> None:
    before = usage.of_this_process()
    held = bytearray(64 * 2**20)
    held[::4096] = b"x" * len(held[::4096])
    after = usage.of_this_process()
    assert after["cpu_seconds"] >= before["cpu_seconds"] > 0
    assert after["memory_bytes"] - before["memory_bytes"] > 48 * 2**20
